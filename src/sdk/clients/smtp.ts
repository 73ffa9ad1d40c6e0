import type { CertificateFacts } from './http.ts'

/** What a session with a mail server showed up to the sign-in. Times in milliseconds. */
export interface MailSessionSeen {
  readonly connect: number
  /** From the connection to the greeting. */
  readonly greeting: number
  /** The TLS handshake; absent where there was none. */
  readonly tls?: number
  readonly certificate?: CertificateFacts
  /** Absent where there is no credential. */
  readonly signIn?: number
  readonly banner: string
  /** As the server names what it can: `STARTTLS`, `SIZE 10240000`, `IDLE`. */
  readonly abilities: readonly string[]
  /** The whole session. */
  readonly duration: number
}

export interface SmtpClient {
  readonly target: string
  /** Greets, secures, signs in where there is a credential, and says goodbye. No mail is begun. Throws TargetError. */
  session(signal: AbortSignal): Promise<MailSessionSeen>
}
