import type { Problem } from '../base/index.ts'
import type { ConnectorClients, ConnectorType } from './clients/index.ts'
import type { Discovery, Proposal } from './discovery.ts'
import type { Params, SettingsOf } from './params.ts'

/** The kinds of credential and their fields. `username` and the like may be shown; fields of kind `secret` never. */
export const credentialTypes = {
  basic: {
    title: 'User name and password',
    fields: { username: { kind: 'text', label: 'User name' }, secret: { kind: 'secret', label: 'Password' } },
  },
  token: {
    title: 'Bearer token',
    fields: { secret: { kind: 'secret', label: 'Token' } },
  },
  header: {
    title: 'A secret header',
    fields: {
      header: { kind: 'text', label: 'Header name', pattern: "[A-Za-z0-9!#$%&'*+.^_`|~-]+" },
      secret: { kind: 'secret', label: 'Header value' },
    },
  },
  certificate: {
    title: 'Client certificate',
    fields: {
      certificate: { kind: 'text', label: 'Certificate (PEM)', multiline: true, maxLength: 64_000 },
      secret: { kind: 'secret', label: 'Private key (PEM)', multiline: true, maxLength: 64_000 },
    },
  },
  'ssh-key': {
    title: 'SSH key',
    fields: {
      username: { kind: 'text', label: 'User name' },
      secret: {
        kind: 'secret',
        label: 'Private key',
        help: 'The whole file, from -----BEGIN to END-----, as ssh-keygen writes it.',
        multiline: true,
        maxLength: 64_000,
      },
      passphrase: { kind: 'secret', label: 'Passphrase of the key', optional: true },
    },
  },
  'ssh-agent': {
    title: 'SSH agent',
    fields: {
      username: { kind: 'text', label: 'User name' },
      socket: {
        kind: 'text',
        label: 'Socket of the SSH agent',
        help: 'A path on the machine of the agent that monitors, which must be allowed to use it.',
        example: '/run/farwatch/ssh-agent.sock',
      },
    },
  },
  'snmp-community': {
    title: 'SNMP community',
    fields: { secret: { kind: 'secret', label: 'Community' } },
  },
  'snmp-user': {
    title: 'SNMPv3 user',
    fields: {
      username: { kind: 'text', label: 'User name', maxLength: 32 },
      authentication: {
        kind: 'choice',
        label: 'Authentication',
        help: 'none: the device believes any name.',
        of: ['none', 'MD5', 'SHA', 'SHA-224', 'SHA-256', 'SHA-384', 'SHA-512'],
      },
      secret: { kind: 'secret', label: 'Authentication passphrase', help: 'At least 8 characters.', optional: true },
      privacy: {
        kind: 'choice',
        label: 'Encryption',
        help: 'AES-256 comes in two forms: Reeder’s is that of Cisco, Blumenthal’s that of the draft.',
        of: ['none', 'DES', 'AES-128', 'AES-256-Blumenthal', 'AES-256-Reeder'],
      },
      privacySecret: { kind: 'secret', label: 'Encryption passphrase', help: 'At least 8 characters.', optional: true },
    },
  },
  radius: {
    title: 'RADIUS secret and user',
    fields: {
      secret: {
        kind: 'secret',
        label: 'Shared secret',
        help: 'Between the server and the agent’s machine as its client.',
      },
      username: {
        kind: 'text',
        label: 'User name',
        help: 'For sign-ins; the state is asked for without.',
        maxLength: 253,
        optional: true,
      },
      password: { kind: 'secret', label: 'Password', optional: true },
    },
  },
} as const satisfies Record<string, { title: string; fields: Params }>

export type CredentialType = keyof typeof credentialTypes

/** The texts of fields; of those that are optional there may be none. */
type Texts<P extends Params> = {
  readonly [F in keyof P as P[F] extends { optional: true } ? never : F]: string
} & { readonly [F in keyof P as P[F] extends { optional: true } ? F : never]?: string | undefined }

/** A credential in the clear, as a client uses it: its type and all of its fields. */
export type OpenCredential = {
  readonly [T in CredentialType]: {
    readonly type: T
    readonly fields: Texts<(typeof credentialTypes)[T]['fields']>
  }
}[CredentialType]

/** A client that holds something open. */
export interface Closable {
  /** Ends what is open. Called once, when no run uses the client any more. */
  close?(): void | Promise<void>
}

export interface ConnectorDeclaration<P extends Params = Params, C extends ConnectorType = ConnectorType> {
  readonly id: C
  readonly title: string
  readonly summary: string
  readonly settings: P
  /** The credential types it can use; it always works without one unless `credentialRequired`. */
  readonly credentials: readonly CredentialType[]
  readonly credentialRequired?: true
  /** What is wrong with settings that are right one by one. Pure; `path` begins the problems' paths. */
  check?(settings: SettingsOf<P>, path: string): readonly Problem[]
  /** What the bound per target counts: `db1:5432`. Pure; the same for all ways to one service. */
  target(settings: SettingsOf<P>): string
  /**
   * Whether the target can be reached from this machine, found out as cheaply as can be: asked before work moves to an agent. Uses no
   * credential, and sends nothing that a bare connection does not send. Ends within five seconds, or when the signal aborts. Absent where
   * the target is wherever the agent is. Throws TargetError where it cannot be reached.
   */
  reach?(settings: SettingsOf<P>, signal: AbortSignal): Promise<void>
  /** How it is found at a host that somebody points at. Absent where nothing at the host tells. */
  readonly discovery?: Discovery
  /**
   * What else could be configured, as the target tells somebody who has signed in: the tenants of a HANA. Asked when a host is looked at, with a
   * credential that somebody chose for that. Read-only; ends with the signal. An empty list where this connector leads to nothing that knows of
   * others. Throws TargetError, which is shown beside the proposals.
   */
  neighbours?(settings: SettingsOf<P>, client: ConnectorClients[C], signal: AbortSignal): Promise<readonly Proposal[]>
  /**
   * Makes the client. Does no I/O by itself: connections open with the first call and may be kept between runs.
   * Used by several runs at the same time.
   */
  open(settings: SettingsOf<P>, credential: OpenCredential | undefined): ConnectorClients[C] & Closable
}

/** A connector as the library holds it. */
export interface AnyConnector extends Omit<ConnectorDeclaration, 'target' | 'reach' | 'neighbours' | 'open' | 'check'> {
  check?(settings: Readonly<Record<string, unknown>>, path: string): readonly Problem[]
  target(settings: Readonly<Record<string, unknown>>): string
  reach?(settings: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<void>
  neighbours?(
    settings: Readonly<Record<string, unknown>>,
    client: ConnectorClients[ConnectorType],
    signal: AbortSignal,
  ): Promise<readonly Proposal[]>
  open(
    settings: Readonly<Record<string, unknown>>,
    credential: OpenCredential | undefined,
  ): ConnectorClients[ConnectorType] & Closable
}

export function defineConnector<const P extends Params, const C extends ConnectorType>(
  declaration: ConnectorDeclaration<P, C>,
): AnyConnector {
  // As for monitors: called only with settings checked against this very declaration.
  return declaration as unknown as AnyConnector
}
