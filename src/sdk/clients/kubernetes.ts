/** The API server of a Kubernetes cluster. */
export interface KubernetesClient {
  readonly url: string
  /** Asks for one object, such as `/version`. Throws StatementRefused (`403`, `404`), TargetError otherwise. */
  get(path: string, signal: AbortSignal): Promise<unknown>
  /**
   * Asks for a list page by page, such as `/api/v1/pods`, and keeps of each object what `pick` makes of it; undefined keeps nothing.
   * Throws StatementRefused (`403`, `404`), TargetError otherwise: `too large` where there are more than 50,000 objects.
   */
  list<T>(path: string, pick: (object: unknown) => T | undefined, signal: AbortSignal): Promise<T[]>
}
