import { createHash } from 'node:crypto'

/** The form of a pinned host key: its fingerprint as `ssh-keygen -l` shows it, with the kind of key before it or without. */
export const hostKeyPattern = '((ssh|ecdsa)-[a-z0-9-]{3,40} )?SHA256:[A-Za-z0-9+/]{43}=?'

export interface ShownKey {
  /** `ssh-ed25519` */
  readonly kind: string
  /** `SHA256:…`, as OpenSSH writes it. */
  readonly fingerprint: string
}

/** What a server's key is called. The key is in the form of the protocol: the name of its kind with its length before it, then numbers. */
export function shownKey(key: Buffer): ShownKey {
  const length = key.length >= 4 ? key.readUInt32BE(0) : 0
  const kind = key.subarray(4, 4 + Math.min(length, 64)).toString('latin1')
  const digest = createHash('sha256').update(key).digest('base64').replace(/=+$/, '')
  return { kind: /^[a-z0-9@.-]+$/.test(kind) ? kind : 'unknown', fingerprint: `SHA256:${digest}` }
}

/** Whether a key is the pinned one, another than it, or one of a host for which nothing is pinned. */
export function verdictOn(key: ShownKey, pins: readonly string[]): 'pinned' | 'changed' | 'not pinned' {
  if (pins.length === 0) return 'not pinned'
  return pins
    .map(readPin)
    .some(({ kind, fingerprint }) => fingerprint === key.fingerprint && (kind ?? key.kind) === key.kind)
    ? 'pinned'
    : 'changed'
}

/**
 * The algorithms to ask a server for, where every pin names its kind: a server has keys of several kinds and shows the one that is asked for
 * first. Undefined: whatever is usual.
 */
export function algorithmsFor(pins: readonly string[]): string[] | undefined {
  const kinds = pins.map((pin) => readPin(pin).kind)
  if (kinds.length === 0 || kinds.includes(undefined)) return undefined
  return [
    ...new Set(
      kinds.flatMap((kind) => (kind === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa'] : [kind ?? ''])),
    ),
  ]
}

function readPin(pin: string): { readonly kind: string | undefined; readonly fingerprint: string } {
  const [first = '', second] = pin.replace(/=+$/, '').split(' ')
  return second === undefined ? { kind: undefined, fingerprint: first } : { kind: first, fingerprint: second }
}
