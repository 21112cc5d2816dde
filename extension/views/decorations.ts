/**
 * Routing in the editor itself: every token of the last trace is marked with the sub-tree it takes in the layer all
 * views look at, and says its whole path when pointed at. Colour and line style tell the same, so that neither is needed
 * alone. Marks go when the text changes.
 */
import * as vscode from 'vscode';
import { DisposableStore, type Disposable } from '../disposable';
import { pathMarkdown } from '../pathTable';
import type { Focus } from '../protocol';
import { MARKS, markOf, markedRanges } from '../routingColours';
import type { Session } from '../session';

export interface DecorationSettings {
  decorations: boolean;
  /** How many decisions are told apart. */
  decorationDepth: number;
}

export class Decorations implements Disposable, vscode.HoverProvider {
  private readonly store = new DisposableStore();
  private readonly types: vscode.TextEditorDecorationType[];
  /** The text was changed since it was traced. */
  private stale = false;
  /** What was looked at when the marks were drawn. */
  private drawn: Pick<Focus, 'layer' | 'tree'> = { layer: 0, tree: 0 };

  constructor(
    private readonly session: Session,
    private readonly settings: () => DecorationSettings,
  ) {
    this.types = Array.from({ length: MARKS }, (_, index) => this.store.add(decorationType(index)));
    this.store.add(
      session.on('traced', () => {
        this.stale = false;
      }),
    );
    // Not with the picture: the editor paints its marks on the same thread, or at least the same processor.
    this.store.add(session.on('settled', () => this.draw()));
    this.store.add(
      session.on('focus', ({ focus }) => {
        // Stepping through tokens marks nothing else.
        if (focus.layer !== this.drawn.layer || focus.tree !== this.drawn.tree) {
          this.draw();
        }
      }),
    );
    this.store.add(vscode.window.onDidChangeVisibleTextEditors(() => this.draw()));
    this.store.add(
      vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        if (contentChanges.length > 0 && this.isSource(document)) {
          this.stale = true;
          this.draw();
        }
      }),
    );
    this.store.add(
      vscode.workspace.onDidChangeConfiguration((change) => {
        if (change.affectsConfiguration('fffExplorer.editor')) {
          this.draw();
        }
      }),
    );
    this.store.add(vscode.languages.registerHoverProvider({ pattern: '**' }, this));
  }

  provideHover(document: vscode.TextDocument, position: vscode.Position): vscode.Hover | undefined {
    const { trace, source, focus } = this.session.state;
    if (!this.settings().decorations || trace === null || source === null || !this.holds(document)) {
      return undefined;
    }
    const offset = document.offsetAt(position) - source.offset;
    const token = trace.tokens.findIndex(({ start, end }) => start <= offset && offset < end);
    const { start, end } = trace.tokens[token] ?? { start: 0, end: 0 };
    if (token < 0 || !trace.layers[focus.layer]) {
      return undefined;
    }
    const text = new vscode.MarkdownString(pathMarkdown(trace, token, focus.layer, focus.tree));
    return new vscode.Hover(
      text,
      new vscode.Range(document.positionAt(source.offset + start), document.positionAt(source.offset + end)),
    );
  }

  dispose(): void {
    this.store.dispose();
  }

  private isSource(document: vscode.TextDocument): boolean {
    return this.session.state.source?.uri === document.uri.toString();
  }

  /** Whether the document still has the traced text where it was. */
  private holds(document: vscode.TextDocument): boolean {
    const { trace, source } = this.session.state;
    if (this.stale || trace === null || source === null || !this.isSource(document)) {
      return false;
    }
    const from = document.positionAt(source.offset);
    return (
      document.getText(new vscode.Range(from, document.positionAt(source.offset + trace.text.length))) === trace.text
    );
  }

  private draw(): void {
    const { decorations, decorationDepth } = this.settings();
    const { trace, source, focus } = this.session.state;
    this.drawn = focus;
    for (const editor of vscode.window.visibleTextEditors) {
      const ranges = this.types.map((): vscode.Range[] => []);
      if (decorations && trace !== null && source !== null && this.holds(editor.document)) {
        const at = (offset: number): vscode.Position => editor.document.positionAt(source.offset + offset);
        for (const { start, end, mark } of markedRanges(trace, focus.layer, focus.tree, decorationDepth)) {
          ranges[mark]?.push(new vscode.Range(at(start), at(end)));
        }
      }
      this.types.forEach((type, index) => editor.setDecorations(type, ranges[index] ?? []));
    }
  }
}

function decorationType(index: number): vscode.TextEditorDecorationType {
  const { colorId, style, width } = markOf(index);
  return vscode.window.createTextEditorDecorationType({
    borderStyle: style,
    borderWidth: width,
    borderColor: new vscode.ThemeColor(colorId),
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
  });
}
