import { Resolver } from 'node:dns'
import { readFileSync, statSync } from 'node:fs'
import { isIP } from 'node:net'
import { systemClock } from './system-clock.ts'

/**
 * Finding addresses without the thread pool. `dns.lookup` runs on four threads, two of them for names, so that a dozen dead names make
 * a healthy one wait for seconds; c-ares asks on the loop. It knows neither the hosts file nor search domains, so both are read here.
 */

export interface FoundAddress {
  readonly address: string
  readonly family: 4 | 6
}

interface LocalNames {
  readonly hosts: ReadonlyMap<string, readonly FoundAddress[]>
  readonly search: readonly string[]
}

const windows = process.platform === 'win32'
const hostsFile = windows
  ? `${process.env['SystemRoot'] ?? 'C:\\Windows'}\\System32\\drivers\\etc\\hosts`
  : '/etc/hosts'
const resolverFile = '/etc/resolv.conf'
const lookAgainMs = 5_000

/** Reads a hosts file: each line an address and its names; `#` begins a comment. */
export function parseHosts(text: string): Map<string, FoundAddress[]> {
  const hosts = new Map<string, FoundAddress[]>()
  for (const line of text.split('\n')) {
    const [address, ...names] = line.replace(/#.*/, '').trim().split(/\s+/)
    const family = address === undefined ? 0 : isIP(address)
    if (address === undefined || (family !== 4 && family !== 6)) continue
    for (const name of names) {
      const key = name.toLowerCase()
      const known = hosts.get(key) ?? []
      known.push({ address, family })
      hosts.set(key, known)
    }
  }
  // IPv4 first, as everywhere here.
  for (const found of hosts.values()) found.sort((a, b) => a.family - b.family)
  return hosts
}

/** The search domains of a resolv.conf; the last `search` or `domain` line counts. */
export function parseSearch(text: string): string[] {
  let search: string[] = []
  for (const line of text.split('\n')) {
    const [word, ...rest] = line.trim().split(/\s+/)
    if (word === 'search' || word === 'domain') search = rest.filter((domain) => domain !== '.' && domain !== '')
  }
  return search.slice(0, 6)
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

function stampOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0
}

let names: { readonly stamp: string; readonly checkedAt: number; readonly local: LocalNames } | undefined
let resolver: Resolver | undefined

/** The two files change rarely: their stamps are looked at every five seconds, their content is read when those changed. */
function localNames(): LocalNames {
  const now = systemClock.elapsed()
  if (names !== undefined && now - names.checkedAt < lookAgainMs) return names.local
  const stamp = `${stampOf(hostsFile)} ${stampOf(resolverFile)}`
  if (names?.stamp === stamp) {
    names = { ...names, checkedAt: now }
    return names.local
  }
  // The name servers may have changed with the file; c-ares reads them when a resolver is made.
  resolver = undefined
  const local = { hosts: parseHosts(readIfThere(hostsFile)), search: parseSearch(readIfThere(resolverFile)) }
  names = { stamp, checkedAt: now, local }
  return local
}

function theResolver(): Resolver {
  resolver ??= new Resolver({ timeout: 2_000, tries: 2 })
  return resolver
}

type Found = (error: NodeJS.ErrnoException | null, addresses: readonly FoundAddress[]) => void

function ask(name: string, done: Found): void {
  const resolving = theResolver()
  resolving.resolve4(name, (error4, found4) => {
    if (error4 === null && found4.length > 0)
      return done(
        null,
        found4.map((address) => ({ address, family: 4 })),
      )
    // A server that has no IPv4 address for the name may have an IPv6 one; any other failure would only happen twice.
    if (error4 !== null && error4.code !== 'ENODATA' && error4.code !== 'ENOTFOUND') return done(error4, [])
    resolving.resolve6(name, (error6, found6) =>
      error6 === null
        ? done(
            null,
            found6.map((address) => ({ address, family: 6 })),
          )
        : done(error4 ?? error6, []),
    )
  })
}

/** Every address of a name that is worth trying, best first. Answers in the same turn where no server has to be asked. */
export function findAddresses(host: string, done: Found): void {
  const name = host.toLowerCase().replace(/\.$/, '')
  const family = isIP(name)
  if (family === 4 || family === 6) return done(null, [{ address: name, family }])
  const { hosts, search } = localNames()
  const known = hosts.get(name)
  if (known !== undefined) return done(null, known)
  // RFC 6761: these names mean this machine and are never asked for.
  if (name === 'localhost' || name.endsWith('.localhost')) {
    return done(null, [
      { address: '127.0.0.1', family: 4 },
      { address: '::1', family: 6 },
    ])
  }
  const candidates = name.includes('.') || host.endsWith('.') ? [name] : [...search.map((d) => `${name}.${d}`), name]
  const next = (i: number): void =>
    ask(candidates[i]!, (error, found) => {
      if (error === null || i + 1 >= candidates.length) done(error, found)
      else next(i + 1)
    })
  next(0)
}

/** `findAddresses` in the form that `net`, `tls` and `http` take as `lookup`. */
export function lookup(
  host: string,
  options: { all?: boolean | undefined },
  done: (error: NodeJS.ErrnoException | null, address: string | FoundAddress[], family?: number) => void,
): void {
  findAddresses(host, (error, found) => {
    const first = found[0]
    if (error !== null || first === undefined) {
      const missing: NodeJS.ErrnoException = error ?? new Error('no address')
      missing.code ??= 'ENOTFOUND'
      done(missing, '')
    } else if (options.all === true) done(null, [...found])
    else done(null, first.address, first.family)
  })
}
