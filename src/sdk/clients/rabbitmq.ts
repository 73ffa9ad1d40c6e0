/** The management interface of a RabbitMQ broker. */
export interface RabbitmqClient {
  /** The URL, for messages. */
  readonly url: string
  /**
   * Asks for a path of the management API such as `/api/nodes` and gives back the JSON.
   * Throws StatementRefused (`403`, `404`) where this path is not answered, TargetError otherwise.
   */
  get(path: string, signal: AbortSignal): Promise<unknown>
}
