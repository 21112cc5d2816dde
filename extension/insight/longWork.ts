/** Work the user waits for: one notification with its progress and a Cancel button. */
import * as vscode from 'vscode';

export type Progress = vscode.Progress<{ message?: string; increment?: number }>;

/**
 * @param work told by the signal that the user cancelled.
 * @returns what the work returns; rejects with what it throws.
 */
export function withCancel<Result>(
  title: string,
  work: (signal: AbortSignal, progress: Progress) => Promise<Result>,
): Thenable<Result> {
  const location = vscode.ProgressLocation.Notification;
  return vscode.window.withProgress({ location, title, cancellable: true }, (progress, token) => {
    const controller = new AbortController();
    token.onCancellationRequested(() => controller.abort());
    return work(controller.signal, progress);
  });
}
