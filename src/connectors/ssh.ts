import type { Client, ClientChannel } from 'ssh2'
import { systemClock } from '../platform/index.ts'
import {
  defineConnector,
  TargetError,
  type OpenCredential,
  type SshClient,
  type SshRequest,
  type SshSeen,
} from '../sdk/index.ts'
import { BoundedOutput } from './network/bounded-output.ts'
import { outOfTime } from './network/failures.ts'
import { reachPort } from './network/reach.ts'
import { SignIn } from './network/sign-in.ts'
import { firstWords } from './network/first-words.ts'
import { hostSetting, portSetting } from './network/settings.ts'
import { hostPort } from './network/target.ts'
import { openConnection, type SshPlace } from './ssh/connection.ts'
import { hostKeyPattern } from './ssh/host-key.ts'

/** A host by SSH: Linux, Unix, a network device with a shell. */
export default defineConnector({
  id: 'ssh',
  title: 'SSH',
  summary: 'A host that is signed in to by SSH. Its key must be known before anything is sent to it.',
  settings: {
    host: hostSetting,
    port: portSetting(22),
    hostKeys: {
      kind: 'list',
      label: 'Host keys',
      help: 'Fingerprints as `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` shows them on the host, with the kind of key before them or without: `ssh-ed25519 SHA256:…`. Without any, the first run says which key the host shows and sends nothing. Two entries let a host change its key without a gap.',
      of: {
        kind: 'text',
        label: 'Fingerprint',
        maxLength: 120,
        pattern: hostKeyPattern,
        example: `SHA256:${'A'.repeat(43)}`,
      },
      maxItems: 10,
      default: [],
    },
    idle: {
      kind: 'duration',
      label: 'Keep the connection',
      help: 'For so long after the last command. Shorter than the period of the monitors: every run signs in anew.',
      default: '3m',
      min: '1s',
      max: '1h',
    },
  },
  credentials: ['ssh-key', 'basic', 'ssh-agent'],
  credentialRequired: true,
  target: ({ host, port }) => hostPort(host, port),
  reach: reachPort,
  discovery: {
    at: { tcp: [22] },
    async identify(place, signal) {
      // A server begins with its name; ours is said so that it need not complain of a client that went away.
      const greeting = { send: 'SSH-2.0-Farwatch\r\n', until: (said: Buffer) => said.includes('\n'), maxBytes: 1_024 }
      const said = (await firstWords(place, greeting, signal)).toString('latin1')
      const software = /^SSH-(?:2\.0|1\.99)-([\x21-\x7e]{1,100})/m.exec(said)?.[1]
      if (software === undefined) return []
      const { host, port } = place
      return [
        {
          name: port === 22 ? 'ssh' : `ssh-${port}`,
          title: `SSH server ${software.replaceAll('_', ' ')}, port ${port}`,
          settings: port === 22 ? { host } : { host, port },
          seen: `port ${port} answered in the words of SSH`,
          certainty: 'identified',
          credential: 'ssh-key',
        },
      ]
    },
  },
  open: ({ host, port, hostKeys, idle }, credential) =>
    new SshHost({ host, port, hostKeys, target: hostPort(host, port) }, idle, credential),
})

/** OpenSSH allows ten sessions on a connection by default; a few are left to whoever shares the host with us. */
const maxChannels = 4
/** A connection that takes longer to open than this is given up whatever its users would allow. */
const openWithinMs = 30_000

interface Opening {
  readonly connection: Promise<Client>
  readonly abort: AbortController
  /** Runs that wait for it; when the last one is gone an unfinished attempt ends. */
  waiting: number
}

class SshHost implements SshClient {
  readonly target: string
  readonly #place: SshPlace
  readonly #idleMs: number
  readonly #credential: OpenCredential | undefined
  readonly #signIn = new SignIn()
  readonly #queue: (() => void)[] = []
  #opening: Opening | undefined
  #connection: Client | undefined
  #channels = 0
  #cancelIdle: (() => void) | undefined
  #closed = false

  constructor(place: SshPlace, idleMs: number, credential: OpenCredential | undefined) {
    this.#place = place
    this.#idleMs = idleMs
    this.#credential = credential
    this.target = place.target
  }

  async run({ words, maxOutputBytes }: SshRequest, signal: AbortSignal): Promise<SshSeen> {
    if (signal.aborted) throw outOfTime(this.target, 'was not asked')
    await this.#turn(signal)
    try {
      const connection = this.#connection ?? (await this.#open(signal))
      return await runCommand(connection, this.target, words.map(quoted).join(' '), maxOutputBytes, signal)
    } finally {
      const next = this.#queue.shift()
      if (next !== undefined) next()
      else if (--this.#channels === 0) this.#rest()
    }
  }

  close(): void {
    this.#closed = true
    this.#cancelIdle?.()
    this.#opening?.abort.abort()
    this.#end()
  }

  /** Waits for a channel: a free one, or that of a run that ends and hands it on. */
  #turn(signal: AbortSignal): Promise<void> {
    this.#cancelIdle?.()
    if (this.#channels < maxChannels) {
      this.#channels++
      return Promise.resolve()
    }
    return new Promise((resolve, reject) => {
      const go = () => {
        signal.removeEventListener('abort', stop)
        resolve()
      }
      const stop = () => {
        this.#queue.splice(this.#queue.indexOf(go), 1)
        reject(outOfTime(this.target, 'had no channel free'))
      }
      signal.addEventListener('abort', stop, { once: true })
      this.#queue.push(go)
    })
  }

  async #open(signal: AbortSignal): Promise<Client> {
    const opening = (this.#opening ??= this.#attempt())
    opening.waiting++
    try {
      return await new Promise<Client>((resolve, reject) => {
        const stop = () => reject(outOfTime(this.target, 'did not finish the sign-in'))
        signal.addEventListener('abort', stop, { once: true })
        opening.connection.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
      })
    } finally {
      opening.waiting--
      if (opening.waiting === 0) opening.abort.abort()
    }
  }

  #attempt(): Opening {
    const abort = new AbortController()
    const within = AbortSignal.any([abort.signal, AbortSignal.timeout(openWithinMs)])
    const connection = this.#signIn
      .try(() => openConnection(this.#place, this.#credential, within))
      .then((client) => {
        if (this.#closed) {
          client.end()
          throw outOfTime(this.target, 'was not asked')
        }
        this.#connection = client
        client.once('close', () => {
          if (this.#connection === client) this.#connection = undefined
        })
        return client
      })
      .finally(() => (this.#opening = undefined))
    return { connection, abort, waiting: 0 }
  }

  #rest(): void {
    this.#cancelIdle?.()
    if (!this.#closed) this.#cancelIdle = systemClock.after(this.#idleMs, () => this.#end())
  }

  #end(): void {
    const connection = this.#connection
    this.#connection = undefined
    connection?.end()
  }
}

/** In single quotes a POSIX shell expands nothing at all. */
function quoted(word: string): string {
  return /^[A-Za-z0-9_/.=:,+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}

function runCommand(
  connection: Client,
  target: string,
  command: string,
  maxOutputBytes: number,
  signal: AbortSignal,
): Promise<SshSeen> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(outOfTime(target, 'was not asked'))
    const begun = systemClock.elapsed()
    let channel: ClientChannel | undefined
    const settle = (act: () => void) => {
      signal.removeEventListener('abort', stop)
      connection.removeListener('close', lost)
      act()
    }
    const stop = () => {
      // OpenSSH passes no signals on to what root runs; that ends by itself, or when its output has nowhere to go.
      channel?.signal('KILL')
      channel?.close()
      settle(() => reject(outOfTime(target, 'did not finish the command')))
    }
    const lost = () => settle(() => reject(new TargetError('protocol', `${target} closed the connection`)))
    signal.addEventListener('abort', stop, { once: true })
    connection.once('close', lost)
    try {
      connection.exec(command, (error, opened) => {
        if (error !== undefined)
          return settle(() =>
            reject(new TargetError('refused', `${target} runs no command: it refused a channel`, { cause: error })),
          )
        if (signal.aborted) return opened.close()
        channel = opened
        const output = new BoundedOutput(maxOutputBytes)
        const [stdout, stderr] = [output.way(), output.way()]
        let exit: number | string = 'unknown'
        opened.on('data', stdout.take)
        opened.stderr.on('data', stderr.take)
        opened.on('exit', (code: number | null, endedBy?: string) => (exit = code ?? endedBy ?? 'unknown'))
        opened.on('close', () =>
          settle(() =>
            resolve({
              exit,
              stdout: stdout.text(),
              stderr: stderr.text(),
              truncated: output.isTruncated,
              duration: systemClock.elapsed() - begun,
            }),
          ),
        )
        opened.end()
      })
    } catch {
      // The library throws where its connection has just been closed.
      lost()
    }
  })
}
