import { randomBytes } from 'node:crypto'
import { systemClock } from '../platform/index.ts'
import { defineConnector, TargetError, type OpenCredential, type RadiusClient, type RadiusSeen } from '../sdk/index.ts'
import { outOfTime } from './network/failures.ts'
import { withinReach } from './network/reach.ts'
import { hostSetting, portSetting } from './network/settings.ts'
import { SignIn } from './network/sign-in.ts'
import { hostPort } from './network/target.ts'
import { askUdp, openUdp } from './network/udp.ts'
import { codes, readAnswer, writeQuestion, type Question } from './radius/packet.ts'

/** A RADIUS server, which must know the agent's machine as a client. */
export default defineConnector({
  id: 'radius',
  title: 'RADIUS',
  summary: 'A RADIUS server, asked over UDP.',
  settings: {
    host: hostSetting,
    port: portSetting(1812),
    nas: {
      kind: 'text',
      label: 'NAS-Identifier',
      help: 'What the agent calls itself; policies of the server may look at it.',
      maxLength: 200,
      default: 'farwatch',
    },
    tryFor: {
      kind: 'duration',
      label: 'Wait for an answer',
      help: 'Then the packet is sent again, as any client does: UDP loses some.',
      default: '2s',
      min: '100ms',
      max: '30s',
    },
    tries: {
      kind: 'number',
      label: 'Packets',
      help: 'At most so many are sent.',
      integer: true,
      min: 1,
      max: 10,
      default: 3,
    },
  },
  credentials: ['radius'],
  credentialRequired: true,
  target: ({ host, port }) => hostPort(host, port),
  // A server does not answer whom it does not know, so that only the way to it can be tried.
  async reach(place, signal) {
    const socket = await openUdp(place, withinReach(signal))
    socket.close()
  },
  open: (settings, credential) => new Server(settings, credential),
})

interface ServerPlace {
  readonly host: string
  readonly port: number
  readonly nas: string
  readonly tryFor: number
  readonly tries: number
}

class Server implements RadiusClient {
  readonly target: string
  readonly #place: ServerPlace
  readonly #credential: OpenCredential | undefined
  readonly #signIn = new SignIn()

  constructor(place: ServerPlace, credential: OpenCredential | undefined) {
    this.#place = place
    this.#credential = credential
    this.target = hostPort(place.host, place.port)
  }

  ask(what: 'sign-in' | 'state', signal: AbortSignal): Promise<RadiusSeen> {
    // The state needs no user, and is asked for while a wrong password rests.
    return what === 'state' ? this.#ask(what, signal) : this.#signIn.try(() => this.#ask(what, signal))
  }

  async #ask(what: 'sign-in' | 'state', signal: AbortSignal): Promise<RadiusSeen> {
    const question = this.#question(what)
    const packet = writeQuestion(question)
    let forged = false
    for (let sent = 1; sent <= this.#place.tries && !signal.aborted; sent++) {
      const asked = systemClock.elapsed()
      try {
        const { code, signed } = await askUdp(
          this.#place,
          () => packet,
          (answer) => {
            const read = readAnswer(answer, question)
            if (read.is === 'forged') forged = true
            return read.is === 'answer' ? read : undefined
          },
          AbortSignal.any([signal, AbortSignal.timeout(this.#place.tryFor)]),
        )
        return { answer: this.#meaning(code, what), duration: systemClock.elapsed() - asked, sent, signed }
      } catch (thrown) {
        if (!(thrown instanceof TargetError) || thrown.reason !== 'timed out') throw thrown
      }
    }
    if (forged) throw new TargetError('configuration', `the answer of ${this.target} does not fit the shared secret`)
    throw outOfTime(
      this.target,
      'sent no answer (a server answers neither to a wrong shared secret nor to a client it does not know)',
    )
  }

  #question(what: 'sign-in' | 'state'): Question {
    if (this.#credential?.type !== 'radius')
      throw new TargetError('configuration', `${this.target} is asked nothing without its shared secret`)
    const { secret, username, password } = this.#credential.fields
    const common = { id: randomBytes(1)[0]!, authenticator: randomBytes(16), secret, nas: this.#place.nas }
    if (what === 'state') return { ...common, code: codes.state }
    if (username === undefined)
      throw new TargetError('configuration', `${this.target}: the credential has no user to sign in`)
    return { ...common, code: codes.request, user: { name: username, password: password ?? '' } }
  }

  #meaning(code: number, what: 'sign-in' | 'state'): RadiusSeen['answer'] {
    if (code === codes.accept) return what === 'state' ? 'state' : 'accept'
    if (code === codes.challenge && what === 'sign-in') return 'challenge'
    if (code === codes.reject && what === 'sign-in')
      throw new TargetError('credentials', `${this.target} rejected the user`)
    throw new TargetError('protocol', `${this.target} answers with a packet of code ${code}`)
  }
}
