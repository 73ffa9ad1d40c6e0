/** One request of an HTTP connector. */
export interface HttpRequest {
  /** Added to the connector's URL where it begins with `/` or `?`; empty for the URL itself. */
  readonly path?: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Reading stops and fails with `too large` past this many bytes, counted after decompression. Default 1 MiB. */
  readonly maxBodyBytes?: number
  /** Redirects followed at most. Default 0. A loop or one too many fails with `protocol`. */
  readonly maxRedirects?: number
  /** Keeps the connection for the next run. Default false: every run shows what a new visitor sees. */
  readonly reuseConnection?: boolean
}

/** Milliseconds of each part of the last request of a chain; `total` covers the whole chain. Absent parts did not happen. */
export interface HttpPhases {
  readonly dns?: number
  readonly connect?: number
  readonly tls?: number
  readonly firstByte: number
  readonly total: number
}

export interface CertificateFacts {
  readonly subject: string
  readonly issuer: string
  /** Epoch milliseconds. */
  readonly validFrom: number
  readonly validTo: number
  readonly names: readonly string[]
  /** SHA-256, upper-case hexadecimal pairs joined by colons. */
  readonly fingerprint: string
  /** Why the system's authorities do not vouch for it, or undefined where they do. */
  readonly untrusted?: string
}

export interface HttpAnswerSeen {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  /** The body as text; bytes that are not UTF-8 become U+FFFD. */
  text(): string
  readonly phases: HttpPhases
  readonly redirects: number
  readonly finalUrl: string
  readonly certificate?: CertificateFacts
}

export interface HttpClient {
  /** The URL without what may be secret in it: scheme, host, port and path. For messages. */
  readonly url: string
  /** Throws TargetError: refused, unreachable, timed out, tls, too large, protocol. Any status is an answer. */
  request(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswerSeen>
}
