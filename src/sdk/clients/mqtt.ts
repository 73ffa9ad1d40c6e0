export interface MqttMessage {
  readonly topic: string
  /** Read as UTF-8, at most 64 KiB of it. */
  readonly payload: string
  /** It lay at the broker and was not sent just now. */
  readonly retained: boolean
}

export interface MqttListening {
  /** Topic filters, with `+` and `#`. */
  readonly filters: readonly string[]
  /** Listening ends when it says so… */
  readonly enough: (messages: readonly MqttMessage[]) => boolean
  /** …or so many milliseconds after the broker took the subscription, whichever is first. */
  readonly patienceMs: number
  readonly maxMessages: number
}

export interface MqttHeard {
  /** Milliseconds until the session was ready, TLS and sign-in included. */
  readonly connect: number
  readonly messages: readonly MqttMessage[]
  /** Filters that the broker refused to this user. */
  readonly refused: readonly string[]
}

export interface MqttClient {
  readonly target: string
  /** Subscribes for a while. Nothing of it stays at the broker. Throws TargetError. */
  listen(listening: MqttListening, signal: AbortSignal): Promise<MqttHeard>
  /**
   * Publishes one message (not retained) and waits until it comes back. Throws TargetError; `credentials` where the topic is refused.
   * @returns milliseconds of the session, and from publishing to receiving
   */
  roundTrip(
    message: { readonly topic: string; readonly qos: 0 | 1 },
    signal: AbortSignal,
  ): Promise<{ readonly connect: number; readonly duration: number }>
}
