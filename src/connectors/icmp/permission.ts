import { readFileSync } from 'node:fs'
import { endianness } from 'node:os'
import type { SocketKind } from './system.ts'

/** Processors of 64 bits, of which system.ts knows the layouts. */
const suitedProcessors: readonly string[] = ['x64', 'arm64', 'riscv64', 'loong64']

/** What the kernel decides by. */
export interface Standing {
  /** `CapEff` of /proc/self/status: capabilities as hexadecimal digits. */
  readonly capabilities: string
  readonly groups: readonly number[]
  /** /proc/sys/net/ipv4/ping_group_range: two numbers; no group where the first is the greater, as kernels have it by default. */
  readonly pingGroups: string
}

const netRaw = 13n

/** The kinds of ICMP sockets that a process may open, the better first: the kernel sorts the answers of datagram sockets. */
export function permittedKinds({ capabilities, groups, pingGroups }: Standing): SocketKind[] {
  const [from = NaN, to = NaN] = pingGroups.trim().split(/\s+/).map(Number)
  const kinds: SocketKind[] = groups.some((group) => group >= from && group <= to) ? ['datagram'] : []
  if (/^[0-9a-f]+$/i.test(capabilities) && (BigInt(`0x${capabilities}`) >> netRaw) % 2n === 1n) kinds.push('raw')
  return kinds
}

/** Of this process, as it is now; none where the system is another than Linux. */
export function kindsOfThisProcess(): SocketKind[] {
  if (process.platform !== 'linux' || !suitedProcessors.includes(process.arch) || endianness() !== 'LE') return []
  return permittedKinds({
    capabilities: /^CapEff:\s*([0-9a-f]+)$/m.exec(readIfThere('/proc/self/status'))?.[1] ?? '',
    groups: [process.getegid?.() ?? NaN, ...(process.getgroups?.() ?? [])],
    pingGroups: readIfThere('/proc/sys/net/ipv4/ping_group_range'),
  })
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
