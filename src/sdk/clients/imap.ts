import type { MailSessionSeen } from './smtp.ts'

export interface MailboxSeen {
  readonly mailbox: string
  readonly messages: number
  readonly unseen: number
  /** Milliseconds of opening it, read-only. */
  readonly select: number
}

export interface ImapSeen extends MailSessionSeen {
  readonly mailboxes: readonly MailboxSeen[]
  /** Mailboxes that the server does not open, and why in its words. */
  readonly refused: readonly { readonly mailbox: string; readonly message: string }[]
}

/** A mail that is sent to be found again. */
export interface MailTrip {
  readonly from: string
  readonly to: string
  /** Where it arrives, as the user who signs in names it. */
  readonly mailbox: string
  /** The server that it is handed in to, with the connector's credential and trust; the connector's own host unless named. */
  readonly submission: {
    readonly host: string | undefined
    readonly port: number
    readonly tls: 'starttls' | 'tls' | 'off'
  }
}

/** Times in milliseconds. */
export interface MailTripSeen {
  /** Until the mailbox's server had let the user in. */
  readonly signIn: number
  /** Until the other server had taken the mail. */
  readonly submission: number
  /** From then until it was found. */
  readonly delivery: number
  /** The mail is still there, marked as deleted: the server takes no single message out. */
  readonly left?: true
}

export interface ImapClient {
  readonly target: string
  /**
   * Hands in a mail, waits for it in the mailbox until the signal aborts, and takes it out. It is the one thing that this client writes.
   * Throws TargetError.
   */
  mailTrip(trip: MailTrip, signal: AbortSignal): Promise<MailTripSeen>
  /** Greets, secures, signs in where there is a credential, opens mailboxes read-only and counts. Throws TargetError. */
  session(mailboxes: readonly string[], signal: AbortSignal): Promise<ImapSeen>
}
