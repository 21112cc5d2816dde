/**
 * Every message of the product, both hops: extension host <-> runner, and extension host <-> webview.
 *
 * Each remote side is written once, as an interface of async methods plus a map of events; `rpc.ts` derives the wire
 * from them. Nothing here imports what exists at run time (no vscode, node or DOM), so that all four bundles share it
 * without knowing each other. Declarations and no logic; one file a subject under `protocol/`, and this the only door.
 */
export type { LayerComparison, TraceComparison } from './compare';
export type { LayerAgreement, Occurrence } from './contexts';
export type { ErrorCode, WireError } from './errors';
export type * from './protocol/model';
export type * from './protocol/trace';
export type * from './protocol/runner';
export type * from './protocol/views';
export type * from './protocol/insight';
export type * from './protocol/insightViews';
export type * from './protocol/benchmark';

/** Raised whenever a message changes shape; runner and host refuse to talk across versions. */
export const PROTOCOL_VERSION = 2;
