import { lookup, lookupService } from 'node:dns/promises'
import { availableParallelism, hostname, networkInterfaces, release, totalmem } from 'node:os'

export interface MachineFacts {
  readonly hostname: string
  /** `linux 6.1.0 x64`. */
  readonly system: string
  /** Processors this process may use, which a container may bound below what the machine has. */
  readonly processors: number
  readonly memoryBytes: number
  /** `24.21.0`. */
  readonly runtime: string
}

export function machineFacts(): MachineFacts {
  // 0 and huge numbers stand for "no bound" in process.constrainedMemory.
  const bound = process.constrainedMemory()
  return {
    hostname: hostname(),
    system: `${process.platform} ${release()} ${process.arch}`,
    processors: availableParallelism(),
    memoryBytes: bound > 0 ? Math.min(bound, totalmem()) : totalmem(),
    runtime: process.versions.node,
  }
}

/** Names and addresses under which others may reach this machine: what a generated certificate is offered to be bound to. */
export interface LocalNames {
  readonly names: readonly string[]
  readonly addresses: readonly string[]
}

/**
 * Detects them. Link-local addresses are left out: nobody configures a server URL with one. The full name is asked of the
 * system's resolver with a bound of two seconds, since a machine without DNS must be able to start too.
 */
export async function localNames(signal?: AbortSignal): Promise<LocalNames> {
  const addresses = new Set(['127.0.0.1', '::1'])
  for (const list of Object.values(networkInterfaces())) {
    for (const { address, internal } of list ?? []) {
      if (!internal && !/^(fe80:|169\.254\.)/i.test(address)) addresses.add(address)
    }
  }
  const names = new Set(['localhost', hostname().toLowerCase()])
  const full = await fullName(signal)
  if (full !== undefined) names.add(full)
  return { names: [...names], addresses: [...addresses] }
}

async function fullName(signal: AbortSignal | undefined): Promise<string | undefined> {
  const bound = AbortSignal.any([AbortSignal.timeout(2_000), ...(signal === undefined ? [] : [signal])])
  const aborted = new Promise<undefined>((done) => {
    if (bound.aborted) done(undefined)
    else bound.addEventListener('abort', () => done(undefined), { once: true })
  })
  // Both end by themselves; the one that lost is awaited by nobody and cannot reject.
  const asked = lookup(hostname())
    .then(({ address }) => (/^(127\.|::1$)/.test(address) ? undefined : lookupService(address, 0)))
    .then((found) => found?.hostname.toLowerCase())
    .catch(() => undefined)
  const name = await Promise.race([asked, aborted])
  return name !== undefined && /^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(name) ? name : undefined
}

/** Memory this process has in use, in bytes, as the operating system counts it. */
export function residentBytes(): number {
  return process.memoryUsage.rss()
}
