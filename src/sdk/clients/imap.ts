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

export interface ImapClient {
  readonly target: string
  /** Greets, secures, signs in where there is a credential, opens mailboxes read-only and counts. Throws TargetError. */
  session(mailboxes: readonly string[], signal: AbortSignal): Promise<ImapSeen>
}
