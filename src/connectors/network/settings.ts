import { hostPattern } from './target.ts'

/** Settings that every connector to a server has, worded once. */

export const hostSetting = {
  kind: 'text',
  label: 'Host',
  help: 'Name or address.',
  maxLength: 253,
  pattern: hostPattern,
  example: 'db1.example',
} as const

export function portSetting<const P extends number>(standard: P) {
  return { kind: 'number', label: 'Port', min: 1, max: 65535, integer: true, default: standard } as const
}

export const trustedSetting = {
  kind: 'text',
  label: 'Further authorities (PEM)',
  help: 'Trusted for this connector besides those of the agent’s machine.',
  multiline: true,
  maxLength: 64_000,
  optional: true,
} as const

/** TLS of servers whose port speaks either TLS or not. */
export const tlsPortSetting = {
  kind: 'choice',
  label: 'TLS',
  help: 'A port speaks either TLS or not. off: it does not. verify: it does, with a trusted certificate for this name. require: it does, whatever the certificate.',
  of: ['off', 'verify', 'require'],
  default: 'off',
} as const

/** TLS of servers that are asked for it on a port that speaks both. */
export const tlsAskedSetting = {
  kind: 'choice',
  label: 'TLS',
  help: 'prefer: where the server offers it. require: always, whatever the certificate. verify: always, with a trusted certificate for this name. off: never.',
  of: ['prefer', 'require', 'verify', 'off'],
  default: 'prefer',
} as const

export const statementTimeoutSetting = {
  kind: 'duration',
  label: 'Statement timeout',
  help: 'The server ends a statement that takes longer. Too small: statistics of large databases are missing. Too large: a stuck query burdens the server.',
  default: '5s',
  min: '100ms',
  max: '10m',
} as const
