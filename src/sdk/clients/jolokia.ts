/** What is read of a Java process: attributes of an MBean (`*` in its name takes several), or its deadlocked threads. */
export type JolokiaRead = { readonly mbean: string; readonly attributes: readonly string[] } | 'deadlocked threads'

/** The value as Jolokia writes it in JSON, or why this one was not read. */
export type JolokiaAnswer = { readonly value: unknown } | { readonly refused: string }

/** A Java process by the agent named Jolokia. */
export interface JolokiaClient {
  readonly url: string
  /** Reads all of them in one exchange; answers in their order. Nothing can be written or called through it. Throws TargetError. */
  read(reads: readonly JolokiaRead[], signal: AbortSignal): Promise<readonly JolokiaAnswer[]>
}
