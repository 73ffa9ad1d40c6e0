/** One entry of a directory: its name, and the values of each attribute as texts. Names of attributes are in lower case. */
export interface LdapEntry {
  readonly dn: string
  readonly attributes: Readonly<Record<string, readonly string[]>>
}

export interface LdapSearch {
  readonly base: string
  readonly scope: 'base' | 'one' | 'sub'
  /** RFC 4515: `(objectClass=*)`. */
  readonly filter: string
  readonly attributes: readonly string[]
  /** The server stops after so many entries. */
  readonly maxEntries: number
}

export interface LdapSession {
  /** Milliseconds until the connection was ready, TLS included. */
  readonly connect: number
  /** Milliseconds of the bind; of an anonymous one where there is no credential. */
  readonly bind: number
  /**
   * Throws StatementRefused (the LDAP result code, such as `32` for a base that does not exist or `50` for a missing right), TargetError
   * otherwise.
   */
  search(search: LdapSearch): Promise<readonly LdapEntry[]>
}

export interface LdapClient {
  readonly target: string
  /**
   * Binds, hands the session to `use`, and ends it whatever happens. `elsewhere` is another server of the same directory, with the same
   * credential and TLS. Throws TargetError.
   */
  session<T>(
    signal: AbortSignal,
    use: (session: LdapSession) => Promise<T>,
    elsewhere?: { readonly host: string; readonly port: number },
  ): Promise<T>
}
