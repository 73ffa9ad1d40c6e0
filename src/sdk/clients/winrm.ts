/** One instance of a class: its properties as texts; a list is joined by commas, null is left out. */
export type WmiInstance = Readonly<Record<string, string>>

/** A Windows machine by WS-Management. Each query is one WQL SELECT; nothing can be changed this way. */
export interface WinrmClient {
  readonly target: string
  /**
   * Throws StatementRefused where the machine says no to this query (an unknown class, a missing privilege), TargetError otherwise: refused,
   * unreachable, timed out, tls, credentials, protocol, too large.
   */
  query(wql: string, maxInstances: number, signal: AbortSignal): Promise<readonly WmiInstance[]>
}
