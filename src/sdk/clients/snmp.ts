/** One variable of a device. Counters of 64 bits come as numbers, which are exact up to 2^53. */
export interface SnmpValue {
  /** `1.3.6.1.2.1.1.3.0` */
  readonly oid: string
  readonly type: 'integer' | 'counter32' | 'counter64' | 'gauge' | 'ticks' | 'text' | 'oid' | 'address'
  /** A number for the first five types, else a text. Octets that are no text are written in hexadecimal: `00:1b:2c`. */
  readonly value: number | string
}

/** A device by SNMP, read only. Every call throws TargetError: refused, unreachable, timed out, credentials, configuration, protocol. */
export interface SnmpClient {
  readonly target: string
  /** The values of these OIDs; those that the device does not have are left out. */
  get(oids: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, SnmpValue>>
  /** All values below an OID in their order, at most so many; with `more` set where that was not all. */
  walk(
    oid: string,
    maxValues: number,
    signal: AbortSignal,
  ): Promise<{ readonly values: readonly SnmpValue[]; readonly more: boolean }>
}
