import { randomUUID } from 'node:crypto'
import type { IClientOptions, MqttClient as Library } from 'mqtt'
import { systemClock } from '../platform/index.ts'
import {
  defineConnector,
  TargetError,
  type MqttClient,
  type MqttHeard,
  type MqttListening,
  type MqttMessage,
  type OpenCredential,
} from '../sdk/index.ts'
import {
  beginConnection,
  guardConnection,
  hostService,
  trustSettings,
  type Place,
  type Trust,
} from './network/connection.ts'
import { outOfTime, targetFailure } from './network/failures.ts'
import { firstWords } from './network/first-words.ts'
import { reachPort } from './network/reach.ts'
import { hostSetting, portSetting } from './network/settings.ts'
import { SignIn } from './network/sign-in.ts'
import { hostPort } from './network/target.ts'

const maxBytes = 16 * 1024 * 1024
const maxPayload = 64 * 1024

/** A broker that speaks MQTT 3.1.1, as all of them do. */
export default defineConnector({
  id: 'mqtt',
  title: 'MQTT',
  summary: 'An MQTT broker, over TCP or TLS.',
  settings: {
    host: hostSetting,
    port: { ...portSetting(8883), help: '8883 with TLS, or 1883 without.' },
    tls: {
      kind: 'flag',
      label: 'TLS',
      help: 'Off: passwords and values cross the network as they are.',
      default: true,
    },
    ...trustSettings,
  },
  credentials: ['basic', 'certificate'],
  ...hostService,
  reach: reachPort,
  discovery: {
    at: { tcp: [1883, 8883] },
    async identify(place, signal) {
      const { host, port } = place
      const tls = port === 8883
      const said = await firstWords(place, { send: hello, until: (received) => received.length >= 4, tls }, signal)
      // A broker takes the greeting or refuses it, each with one small packet of its own kind.
      if (said[0] !== 0x20 || said[1] !== 2) return []
      return [
        {
          name: tls ? 'mqtts' : 'mqtt',
          title: `MQTT broker, port ${port}${tls ? ', with TLS' : ''}`,
          settings: tls ? { host } : { host, port, tls: false },
          seen: `port ${port} answered a greeting of MQTT`,
          certainty: 'identified',
          ...(said[3] === 0 ? {} : { credential: 'basic' as const }),
        },
      ]
    },
  },
  open: (settings, credential) => new Broker(settings, credential),
})

/** CONNECT without a name, which leaves nothing at the broker. */
const hello = Buffer.from([0x10, 12, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 60, 0, 0])

class Broker implements MqttClient {
  readonly target: string
  readonly #place: Place & Trust & { readonly tls: boolean }
  readonly #credential: OpenCredential | undefined
  readonly #signIn = new SignIn()

  constructor(place: Place & Trust & { readonly tls: boolean }, credential: OpenCredential | undefined) {
    this.#place = place
    this.#credential = credential
    this.target = hostPort(place.host, place.port)
  }

  listen({ filters, enough, patienceMs, maxMessages }: MqttListening, signal: AbortSignal): Promise<MqttHeard> {
    return this.#session(signal, async (client, connect, failed) => {
      const messages: MqttMessage[] = []
      const refused = await Promise.race([
        failed,
        new Promise<readonly string[]>((resolve) => {
          let refusals: readonly string[] = []
          let cancel: (() => void) | undefined
          client.on('message', (topic, payload, packet) => {
            if (messages.length >= maxMessages) return
            messages.push({ topic, payload: payload.toString('utf8', 0, maxPayload), retained: packet.retain })
            if (messages.length < maxMessages && !enough(messages)) return
            cancel?.()
            resolve(refusals)
          })
          client.subscribe([...filters], { qos: 0 }, (_, granted) => {
            refusals = (granted ?? []).flatMap((one) => (one.qos >= 128 ? [one.topic] : []))
            if (granted !== undefined && refusals.length === filters.length) resolve(refusals)
            else cancel = systemClock.after(patienceMs, () => resolve(refusals))
          })
        }),
      ])
      return { connect, messages, refused }
    })
  }

  roundTrip(
    { topic, qos }: { readonly topic: string; readonly qos: 0 | 1 },
    signal: AbortSignal,
  ): Promise<{ readonly connect: number; readonly duration: number }> {
    return this.#session(signal, async (client, connect, failed) => {
      // Its own words, so that what others say there at the same time is not taken for it.
      const words = `farwatch ${randomUUID()}`
      const duration = await Promise.race([
        failed,
        new Promise<number>((resolve, reject) => {
          let sent = 0
          client.on('message', (_, payload) => {
            if (payload.toString('utf8', 0, 100) === words) resolve(systemClock.elapsed() - sent)
          })
          client.subscribe(topic, { qos }, (_, granted) => {
            if (granted === undefined || granted.some((one) => one.qos >= 128))
              return reject(new TargetError('credentials', `${this.target} does not let this user read ${topic}`))
            sent = systemClock.elapsed()
            client.publish(topic, words, { qos, retain: false })
          })
        }),
      ])
      return { connect, duration }
    })
  }

  #session<T>(
    signal: AbortSignal,
    use: (client: Library, connect: number, failed: Promise<never>) => Promise<T>,
  ): Promise<T> {
    return this.#signIn.try(() => this.#attempt(signal, use), signal)
  }

  async #attempt<T>(
    signal: AbortSignal,
    use: (client: Library, connect: number, failed: Promise<never>) => Promise<T>,
  ): Promise<T> {
    // With the first session, and before anything is measured: most monitoring processes never open one.
    const { MqttClient } = await import('mqtt')
    const began = systemClock.elapsed()
    const { socket } = await beginConnection(this.#place, this.#place.tls, this.#place, signal, {
      own: this.#credential,
    })
    const guard = guardConnection(socket, maxBytes, signal)
    let client: Library | undefined
    let stage = 'did not answer to the sign-in'
    try {
      client = new MqttClient(() => socket, this.#options())
      const failed = failureOf(client, this.target)
      await Promise.race([failed, new Promise<void>((resolve) => client!.once('connect', () => resolve()))])
      stage = 'did not send what was expected'
      return await use(client, systemClock.elapsed() - began, failed)
    } catch (thrown) {
      if (signal.aborted) throw outOfTime(this.target, stage)
      if (guard.tooMuch())
        throw new TargetError('too large', `${this.target} sent more than ${maxBytes / 1024 / 1024} MiB`)
      throw this.#meaning(thrown)
    } finally {
      guard.release()
      client?.end(true)
      socket.destroy()
    }
  }

  #options(): IClientOptions {
    const basic = this.#credential?.type === 'basic' ? this.#credential.fields : undefined
    return {
      protocolVersion: 4,
      // Two sessions under one name would throw each other out.
      clientId: `farwatch${randomUUID().replaceAll('-', '').slice(0, 14)}`,
      clean: true,
      // What fails is told, and the next run begins anew.
      reconnectPeriod: 0,
      resubscribe: false,
      ...(basic === undefined ? {} : { username: basic.username, password: basic.secret }),
    }
  }

  #meaning(thrown: unknown): Error {
    const code: unknown = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined
    switch (code) {
      case 4:
        return new TargetError('credentials', `${this.target} refused the sign-in: name or password is wrong`, {
          cause: thrown,
        })
      case 5:
        return new TargetError('credentials', `${this.target} refused the sign-in: not authorized`, { cause: thrown })
      case 1:
      case 2:
      case 3:
        return new TargetError('refused', `${this.target} takes no session (MQTT code ${code})`, { cause: thrown })
      default:
    }
    const failure = targetFailure(thrown, this.target)
    return failure.reason === 'protocol' && !(thrown instanceof TargetError)
      ? new TargetError('protocol', `${this.target} does not speak MQTT as it should`, { cause: thrown })
      : failure
  }
}

/** Never resolves; rejects with what ends a session. It is raced against whatever is waited for, and is allowed to reject unheard. */
function failureOf(client: Library, target: string): Promise<never> {
  const failed = new Promise<never>((_, reject) => {
    client.on('error', reject)
    client.once('close', () => reject(new TargetError('protocol', `${target} closed the connection`)))
  })
  failed.catch(() => undefined)
  return failed
}
