export const dnsRecordTypes = ['A', 'AAAA', 'CNAME', 'MX', 'NS', 'PTR', 'SOA', 'SRV', 'TXT', 'CAA'] as const
export type DnsRecordType = (typeof dnsRecordTypes)[number]

/** What a name server said. `no such name` and `no such record` are answers; a name server that cannot answer throws. */
export interface DnsSeen {
  readonly status: 'found' | 'no such name' | 'no such record'
  /** One line each, as in a zone file: `10 mail.example.org`. Sorted. */
  readonly answers: readonly string[]
  /** Seconds the answers may be kept; the least of them. Only for A and AAAA. */
  readonly ttl?: number
  /** Milliseconds from the question to the answer. */
  readonly duration: number
}

export interface DnsClient {
  /** The server asked, or `the system's name servers`. For messages. */
  readonly server: string
  /** Throws TargetError: refused, timed out, protocol (nonsense, or the server says that it failed). */
  query(name: string, type: DnsRecordType, signal: AbortSignal): Promise<DnsSeen>
}
