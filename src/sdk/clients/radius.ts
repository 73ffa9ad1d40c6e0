export interface RadiusSeen {
  /** `state`: the server said that it is there. A `challenge` asks the user for more, such as a one-time password. */
  readonly answer: 'accept' | 'challenge' | 'state'
  /** Milliseconds from the packet that was answered to the answer. */
  readonly duration: number
  /** Packets that had to be sent; 1 where none was lost. */
  readonly sent: number
  /** The answer bears a Message-Authenticator, without which it can be forged (CVE-2024-3596). */
  readonly signed: boolean
}

export interface RadiusClient {
  readonly target: string
  /**
   * Signs the credential's user in, or asks for the server's own state (Status-Server). Throws TargetError; `credentials` where the user
   * is rejected, `configuration` where the answer does not fit the shared secret. A server does not answer at all whom it does not know.
   */
  ask(what: 'sign-in' | 'state', signal: AbortSignal): Promise<RadiusSeen>
}
