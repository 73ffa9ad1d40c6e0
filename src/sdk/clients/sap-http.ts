import type { CertificateFacts, HttpPhases } from './http.ts'

/** The pages that are looked at. All of them answer without doing anything. */
export const sapPages = {
  ping: '/sap/public/ping',
  icman: '/sap/public/icman/ping',
  info: '/sap/public/info',
  /** The one that wants a user. */
  logon: '/sap/bc/ping',
  messageServer: '/msgserver/text/logon',
} as const

export type SapPage = keyof typeof sapPages

/** The function modules that can be called by SOAP. None changes anything; there is no way to call another. */
export const sapFunctions = ['RFC_READ_TABLE'] as const
export type SapFunction = (typeof sapFunctions)[number]

export interface SapPageSeen {
  readonly status: number
  /** The first 64 KiB. */
  readonly text: string
  readonly phases: HttpPhases
  readonly certificate?: CertificateFacts
}

export interface SapTableRequest {
  readonly table: string
  readonly fields: readonly string[]
  /** As in an ABAP WHERE clause; empty for all rows. */
  readonly where: string
  readonly maxRows: number
}

export interface SapHttpClient {
  /** `host:port`, for messages. */
  readonly target: string
  readonly signsIn: boolean
  /** Whether the connector names a message server. */
  readonly hasMessageServer: boolean
  /**
   * Throws TargetError: refused, unreachable, timed out, tls, protocol, and for `logon` credentials. Any other status is an answer; systems that do not
   * offer a page answer 403 or 404.
   */
  page(page: SapPage, signal: AbortSignal): Promise<SapPageSeen>
  /**
   * Rows of a table by RFC_READ_TABLE, each with the fields asked for, blanks around them cut off.
   * Throws StatementRefused with the ABAP exception where the function says no (`TABLE_NOT_AVAILABLE`, `NOT_AUTHORIZED`); TargetError as `page` does,
   * and `configuration` where SOAP-RFC is off, for this connector or in the system.
   */
  readTable(request: SapTableRequest, signal: AbortSignal): Promise<readonly Readonly<Record<string, string>>[]>
}
