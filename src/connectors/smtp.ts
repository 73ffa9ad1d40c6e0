import { defineConnector, type MailSessionSeen, type OpenCredential, type SmtpClient } from '../sdk/index.ts'
import { hostService, securitySetting, trustSettings } from './network/connection.ts'
import { firstWords } from './network/first-words.ts'
import { shownWords } from './network/line-talk.ts'
import { reachPort } from './network/reach.ts'
import { hostSetting, portSetting } from './network/settings.ts'
import { SignIn } from './network/sign-in.ts'
import { hostPort } from './network/target.ts'
import { Submission, type SmtpPlace } from './smtp/submission.ts'

/** A mail server, as those meet it who send. */
export default defineConnector({
  id: 'smtp',
  title: 'SMTP',
  summary: 'A server that takes mail.',
  settings: {
    host: hostSetting,
    port: {
      ...portSetting(587),
      help: '587 for those who send, 465 with TLS from the first byte, 25 between servers.',
    },
    tls: securitySetting,
    ...trustSettings,
  },
  credentials: ['basic'],
  ...hostService,
  reach: reachPort,
  discovery: {
    at: { tcp: [25, 465, 587] },
    async identify(place, signal) {
      const { host, port } = place
      const tls = port === 465
      const said = await firstWords(place, { until: (received) => received.includes(10), tls }, signal)
      const banner = said.toString('latin1')
      if (!/^220[ -].*\bE?SMTP\b/i.test(banner)) return []
      return [
        {
          name: port === 25 ? 'smtp' : `smtp-${port}`,
          title: `Mail server (SMTP), port ${port}: ${shownWords(banner.split('\n')[0]!.slice(4)).slice(0, 60)}`,
          settings: { host, port, ...(tls ? { tls: 'tls' } : {}) },
          seen: `port ${port} greeted in the words of SMTP`,
          certainty: 'identified',
        },
      ]
    },
  },
  open: (settings, credential) => new MailServer(settings, credential),
})

class MailServer implements SmtpClient {
  readonly target: string
  readonly #place: SmtpPlace
  readonly #credential: OpenCredential | undefined
  readonly #signIn = new SignIn()

  constructor(place: SmtpPlace, credential: OpenCredential | undefined) {
    this.#place = place
    this.#credential = credential
    this.target = hostPort(place.host, place.port)
  }

  async session(signal: AbortSignal): Promise<MailSessionSeen> {
    const session = await this.#signIn.try(() => Submission.begin(this.#place, this.#credential, signal), signal)
    session.quit()
    return session.seen
  }
}
