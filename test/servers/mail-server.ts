import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { simpleParser, type ParsedMail } from 'mailparser'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'

export interface MailServer {
  readonly port: number
  /** The mails it has taken, in order. */
  readonly mails: readonly ParsedMail[]
  /** What to answer to the next mails instead of taking them; undefined takes them. */
  refuseWith(answer: { readonly code: number; readonly message: string } | undefined): void
  stop(): Promise<void>
}

/** A mail server that speaks SMTP on a free port and keeps what it is given. */
export async function startMailServer(options: SMTPServerOptions = {}): Promise<MailServer> {
  const mails: ParsedMail[] = []
  let refusal: { readonly code: number; readonly message: string } | undefined
  const server = new SMTPServer({
    authOptional: true,
    logger: false,
    onData(stream, _, callback) {
      void simpleParser(stream).then((mail) => {
        if (refusal !== undefined)
          return callback(Object.assign(new Error(refusal.message), { responseCode: refusal.code }))
        mails.push(mail)
        callback()
      }, callback)
    },
    ...options,
  })
  // A client that goes away in the middle of a handshake is a story here, not a failure of the server.
  server.on('error', () => {})
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  return {
    port: (server.server.address() as AddressInfo).port,
    mails,
    refuseWith: (answer) => void (refusal = answer),
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  }
}
