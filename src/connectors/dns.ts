import { promises, type CaaRecord, type MxRecord, type SoaRecord, type SrvRecord } from 'node:dns'
import { isIP } from 'node:net'
import { systemCodeOf } from '../base/index.ts'
import { systemClock, findAddresses } from '../platform/index.ts'
import { defineConnector, TargetError, type DnsClient, type DnsRecordType, type DnsSeen } from '../sdk/index.ts'
import { outOfTime } from './network/failures.ts'
import { withinReach } from './network/reach.ts'
import { hostPort, hostPortProblems, readHostPort } from './network/target.ts'

/** A name server, or those that the agent's machine uses. */
export default defineConnector({
  id: 'dns',
  title: 'DNS',
  summary: 'A name server, or the ones that the agent’s machine uses.',
  settings: {
    server: {
      kind: 'text',
      label: 'Name server',
      help: 'Host or address, with a port where it is not 53. Empty: the name servers of the agent’s machine.',
      optional: true,
      example: '10.0.0.2:53',
    },
  },
  credentials: [],
  check: ({ server }, path) => hostPortProblems(server, `${path}.server`),
  target({ server }) {
    const place = server === undefined ? undefined : readHostPort(server, 53)
    return place === undefined ? 'dns:system' : hostPort(place.host, place.port)
  },
  async reach({ server }, signal) {
    const asked = new NameServer(server === undefined ? undefined : readHostPort(server, 53))
    try {
      // Every name server has something to say about the root, and be it that it does not answer such questions.
      await asked.query('.', 'NS', withinReach(signal))
    } catch (thrown) {
      if (!(thrown instanceof TargetError) || thrown.reason !== 'protocol') throw thrown
    }
  },
  discovery: {
    at: { udp: [53] },
    async identify({ host, port }, signal) {
      const server = port === 53 ? host : hostPort(host, port)
      const place = { host, port }
      // It knows its own name or it does not: either way only a name server answers.
      const seen = await new NameServer(place).query(isIP(host) === 0 ? host : 'localhost', 'A', signal).catch(ofNobody)
      if (seen === undefined) return []
      return [
        {
          name: 'dns',
          title: 'Name server',
          settings: { server },
          seen: `port ${port} answered a question for a name`,
          certainty: 'identified',
          // What it is to be asked for is somebody's own, unless it knows the very name that was given.
          monitors:
            seen.status === 'found' && isIP(host) === 0 ? [{ monitor: 'dns.lookup', settings: { name: host } }] : [],
          profile: `dns-${host.replaceAll(/[^A-Za-z0-9-]/g, '-').slice(0, 60)}`,
        },
      ]
    },
  },
  open: ({ server }) => new NameServer(server === undefined ? undefined : readHostPort(server, 53)),
})

/** Nobody there is what most hosts are to a name server's question; one that answers badly is one. */
function ofNobody(thrown: unknown): Pick<DnsSeen, 'status'> | undefined {
  if (!(thrown instanceof TargetError)) throw thrown
  return thrown.reason === 'protocol' ? { status: 'no such record' } : undefined
}

/** Failures of c-ares in words that follow the server's name. */
const serverFailures: Readonly<Record<string, string>> = {
  ESERVFAIL: 'failed to answer (SERVFAIL)',
  EREFUSED: 'refused to answer (REFUSED)',
  ENOTIMP: 'does not know this kind of question (NOTIMP)',
  EFORMERR: 'did not understand the question (FORMERR)',
  EBADRESP: 'answered nonsense',
  EBADNAME: 'cannot be asked for such a name',
  EBADQUERY: 'cannot be asked such a question',
}

class NameServer implements DnsClient {
  readonly server: string
  readonly #place: { host: string; port: number } | undefined

  constructor(place: { host: string; port: number } | undefined) {
    this.#place = place
    this.server = place === undefined ? 'the system’s name servers' : hostPort(place.host, place.port)
  }

  async query(name: string, type: DnsRecordType, signal: AbortSignal): Promise<DnsSeen> {
    if (signal.aborted) throw outOfTime(this.server, 'was not asked')
    // A resolver of its own: it can be cancelled without ending the questions of others, and it caches nothing.
    const resolver = new promises.Resolver({ timeout: 2_000, tries: 3 })
    if (this.#place !== undefined)
      resolver.setServers([hostPort(await this.#address(this.#place.host), this.#place.port)])
    const begun = systemClock.elapsed()
    const stop = () => resolver.cancel()
    signal.addEventListener('abort', stop, { once: true })
    try {
      const { answers, ttl } = await ask(resolver, name, type)
      return {
        status: answers.length === 0 ? 'no such record' : 'found',
        answers: answers.sort(),
        ...(ttl === undefined ? {} : { ttl }),
        duration: systemClock.elapsed() - begun,
      }
    } catch (thrown) {
      const code = systemCodeOf(thrown)
      const duration = systemClock.elapsed() - begun
      if (signal.aborted) throw outOfTime(this.server, 'sent no answer')
      if (code === 'ENOTFOUND') return { status: 'no such name', answers: [], duration }
      if (code === 'ENODATA') return { status: 'no such record', answers: [], duration }
      throw this.#failure(code, thrown)
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }

  #failure(code: string | undefined, cause: unknown): TargetError {
    switch (code) {
      case 'ECONNREFUSED':
        return new TargetError('refused', `connection refused by ${this.server}`, { cause })
      case 'ETIMEOUT':
      case 'ECANCELLED':
        return new TargetError('timed out', `${this.server} sent no answer in time`, { cause })
      default:
        return new TargetError(
          'protocol',
          `${this.server} ${serverFailures[code ?? ''] ?? `gave no usable answer (${code ?? 'unknown'})`}`,
          { cause },
        )
    }
  }

  #address(host: string): Promise<string> {
    if (isIP(host) !== 0) return Promise.resolve(host)
    return new Promise((resolve, reject) =>
      findAddresses(host, (error, found) =>
        error === null && found[0] !== undefined
          ? resolve(found[0].address)
          : reject(new TargetError('unreachable', `the name of ${this.server} was not found`, { cause: error })),
      ),
    )
  }
}

interface Answered {
  readonly answers: string[]
  readonly ttl?: number
}

async function ask(resolver: promises.Resolver, name: string, type: DnsRecordType): Promise<Answered> {
  switch (type) {
    case 'A':
      return withTtl(await resolver.resolve4(name, { ttl: true }))
    case 'AAAA':
      return withTtl(await resolver.resolve6(name, { ttl: true }))
    case 'PTR':
      // An address asks for the name of that address; a name is taken as it is.
      return { answers: isIP(name) === 0 ? await resolver.resolvePtr(name) : await resolver.reverse(name) }
    case 'CNAME':
      return { answers: await resolver.resolveCname(name) }
    case 'NS':
      return { answers: await resolver.resolveNs(name) }
    case 'TXT':
      return { answers: (await resolver.resolveTxt(name)).map((parts) => parts.join('')) }
    case 'MX':
      return { answers: (await resolver.resolveMx(name)).map((one: MxRecord) => `${one.priority} ${one.exchange}`) }
    case 'SRV':
      return {
        answers: (await resolver.resolveSrv(name)).map(
          (one: SrvRecord) => `${one.priority} ${one.weight} ${one.port} ${one.name}`,
        ),
      }
    case 'SOA': {
      const one: SoaRecord = await resolver.resolveSoa(name)
      return {
        answers: [
          `${one.nsname} ${one.hostmaster} ${one.serial} ${one.refresh} ${one.retry} ${one.expire} ${one.minttl}`,
        ],
      }
    }
    case 'CAA':
      return { answers: (await resolver.resolveCaa(name)).map(caaLine) }
  }
}

function caaLine(one: CaaRecord): string {
  const { critical, ...tags } = one
  return Object.entries(tags)
    .filter(([tag]) => tag !== 'type')
    .map(([tag, value]) => `${critical} ${tag} ${String(value)}`)
    .join(' ')
}

function withTtl(records: readonly { address: string; ttl: number }[]): Answered {
  return { answers: records.map((one) => one.address), ttl: Math.min(...records.map((one) => one.ttl)) }
}
