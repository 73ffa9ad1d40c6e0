import { isIP } from 'node:net'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'
import type { Client, Entry } from 'ldapts'
import { messageOf } from '../base/index.ts'
import { systemClock } from '../platform/index.ts'
import {
  defineConnector,
  StatementRefused,
  TargetError,
  type LdapClient,
  type LdapEntry,
  type LdapSearch,
  type LdapSession,
  type OpenCredential,
} from '../sdk/index.ts'
import {
  beginConnection,
  guardConnection,
  hostService,
  securitySetting,
  trustOptions,
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

/** A directory server: OpenLDAP, Active Directory, 389 Directory Server and the like. */
export default defineConnector({
  id: 'ldap',
  title: 'LDAP',
  summary: 'A directory server, as a named user or anonymously.',
  settings: {
    host: hostSetting,
    port: { ...portSetting(389), help: '389, or 636 with TLS from the first byte.' },
    tls: securitySetting,
    ...trustSettings,
  },
  credentials: ['basic'],
  ...hostService,
  reach: reachPort,
  discovery: {
    at: { tcp: [389, 636] },
    async identify(place, signal) {
      const { host, port } = place
      const tls = port === 636
      const said = await firstWords(
        place,
        { send: rootQuestion, until: (received) => received.length > 12, tls },
        signal,
      )
      if (!isSearchAnswer(said)) return []
      return [
        {
          name: tls ? 'ldaps' : 'ldap',
          title: `Directory, port ${port}${tls ? ', with TLS' : ''}`,
          settings: tls ? { host, port, tls: 'tls' } : { host },
          seen: `port ${port} answered a question of LDAP`,
          certainty: 'identified',
        },
      ]
    },
  },
  open: (settings, credential) => new Directory(settings, credential),
})

/** A search of the root for nothing but its name, which every directory answers whoever asks (RFC 4511, 4.5.1; RFC 4512, 5.1). */
const rootQuestion = Buffer.from(
  '30250201016320' +
    '0400' +
    '0a0100' +
    '0a0100' +
    '020100' +
    '020100' +
    '010100' +
    '870b6f626a656374436c617373' +
    '3000',
  'hex',
)

/** A message to this very question that is an entry (0x64) or the end of a search (0x65). */
function isSearchAnswer(said: Buffer): boolean {
  const id = said.subarray(0, 10).indexOf(Buffer.from([2, 1, 1]))
  return said[0] === 0x30 && id > 0 && (said[id + 3] === 0x64 || said[id + 3] === 0x65)
}

class Directory implements LdapClient {
  readonly target: string
  readonly #place: Place & Trust & { readonly tls: string }
  readonly #credential: OpenCredential | undefined
  readonly #signIn = new SignIn()

  constructor(place: Place & Trust & { readonly tls: string }, credential: OpenCredential | undefined) {
    this.#place = place
    this.#credential = credential
    this.target = hostPort(place.host, place.port)
  }

  session<T>(
    signal: AbortSignal,
    use: (session: LdapSession) => Promise<T>,
    elsewhere?: { readonly host: string; readonly port: number },
  ): Promise<T> {
    return this.#signIn.try(() => this.#session(elsewhere ?? this.#place, signal, use), signal)
  }

  async #session<T>(place: Place, signal: AbortSignal, use: (session: LdapSession) => Promise<T>): Promise<T> {
    const target = hostPort(place.host, place.port)
    const { tls } = this.#place
    // With the first session, and before anything is measured: most monitoring processes never open one.
    const { Client } = await import('ldapts')
    const began = systemClock.elapsed()
    const { socket } = await beginConnection(place, tls === 'tls', this.#place, signal)
    const guards = [guardConnection(socket, maxBytes, signal)]
    let stage = 'did not answer to the bind'
    try {
      const upgrade = (options: ConnectionOptions) => {
        const secured = connectTls(options)
        guards.push(guardConnection(secured, maxBytes, signal))
        return secured
      }
      const client = new Client({
        url: `ldap://${isIP(place.host) === 6 ? `[${place.host}]` : place.host}:${place.port}`,
        createConnection: () => socket,
        // Of the forms that tls.connect has the library uses this one alone.
        createSecureConnection: upgrade as typeof connectTls,
      })
      if (tls === 'starttls') {
        stage = 'did not finish the TLS handshake'
        await client.startTLS(trustOptions(place.host, this.#place)).catch((thrown: unknown) => {
          throw codeOf(thrown) === undefined
            ? thrown
            : new TargetError('tls', `${target} offers no StartTLS`, { cause: thrown })
        })
        stage = 'did not answer to the bind'
      }
      const connected = systemClock.elapsed()
      await this.#bind(client, target)
      const bound = systemClock.elapsed()
      stage = 'did not answer to the search'
      return await use({
        connect: connected - began,
        bind: bound - connected,
        search: (search) => searchOnce(client, search),
      })
    } catch (thrown) {
      if (signal.aborted) throw outOfTime(target, stage)
      if (guards.some((guard) => guard.tooMuch()))
        throw new TargetError('too large', `${target} sent more than ${maxBytes / 1024 / 1024} MiB`)
      throw failureOf(thrown, target)
    } finally {
      for (const guard of guards) guard.release()
      socket.destroy()
    }
  }

  async #bind(client: Client, target: string): Promise<void> {
    const basic = this.#credential?.type === 'basic' ? this.#credential.fields : undefined
    try {
      await client.bind(basic?.username ?? '', basic?.secret ?? '')
    } catch (thrown) {
      switch (codeOf(thrown)) {
        case 49:
          throw new TargetError('credentials', `${target} refused the sign-in: name or password is wrong`, {
            cause: thrown,
          })
        case 48:
        case 53:
          throw new TargetError('credentials', `${target} refused the sign-in: it takes no such bind`, {
            cause: thrown,
          })
        case 8:
        case 13:
          throw new TargetError('configuration', `${target} demands TLS for a sign-in`, { cause: thrown })
        default:
          throw thrown
      }
    }
  }
}

async function searchOnce(
  client: Client,
  { base, scope, filter, attributes, maxEntries }: LdapSearch,
): Promise<LdapEntry[]> {
  try {
    const found = await client.search(base, { scope, filter, attributes: [...attributes], sizeLimit: maxEntries })
    return found.searchEntries.slice(0, maxEntries).map(entryOf)
  } catch (thrown) {
    const code = codeOf(thrown)
    if (code === undefined) throw thrown
    throw new StatementRefused(String(code), wordsOf(code), { cause: thrown })
  }
}

function failureOf(thrown: unknown, target: string): Error {
  if (thrown instanceof TargetError || thrown instanceof StatementRefused) return thrown
  const code = codeOf(thrown)
  if (code !== undefined) return new TargetError('protocol', `${target} answers: ${wordsOf(code)}`, { cause: thrown })
  // The library says in its own words that the connection went away; they quote nothing that was sent.
  if (/^(Socket error|Connection closed)/.test(messageOf(thrown)))
    return new TargetError('protocol', `${target} closed the connection before the answer was complete`, {
      cause: thrown,
    })
  const failure = targetFailure(thrown, target)
  return failure.reason === 'protocol'
    ? new TargetError('protocol', `${target} does not speak LDAP as it should`, { cause: thrown })
    : failure
}

/** The result code of an answer that says no; undefined where there was none. */
function codeOf(thrown: unknown): number | undefined {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'number' ? thrown.code : undefined
}

/** RFC 4511, appendix A. The server's own text is not repeated: it may quote what was sent. */
const results: Readonly<Record<number, string>> = {
  1: 'an operation out of order (1); it may want a sign-in first',
  3: 'its time limit was reached (3)',
  4: 'its limit of entries was reached (4)',
  10: 'it refers to another server (10)',
  11: 'its administrative limit was reached (11)',
  32: 'there is no such object (32)',
  34: 'the name is not one of a directory (34)',
  50: 'not allowed (50)',
  51: 'it is busy (51)',
  52: 'it is unavailable (52)',
  53: 'it is unwilling (53)',
}

function wordsOf(code: number): string {
  return results[code] ?? `LDAP result ${code}`
}

function entryOf({ dn, ...attributes }: Entry): LdapEntry {
  const texts = Object.entries(attributes).map(([name, value]) => [
    name.toLowerCase(),
    (Array.isArray(value) ? value : [value]).map((one) => (typeof one === 'string' ? one : one.toString('utf8'))),
  ])
  return { dn, attributes: Object.fromEntries(texts) }
}
