import type { AssignedConnector } from '../model/index.ts'
import { credentialTypes } from '../sdk/index.ts'

/** Takes the secrets out of a text that leaves the monitoring process. */
export type Mask = (text: string) => string

const shownInstead = '***'

/** Masks nothing: for connectors without a credential. */
export const noMask: Mask = (text) => text

/**
 * Masks the secret fields of a credential, plain and as they travel: percent-encoded, in base64, and in the Basic header. A key in PEM
 * is masked line by line too, because errors quote single lines. A secret of one to three characters is masked where it stands alone,
 * for it is part of ordinary words.
 */
export function maskOf(credential: AssignedConnector['credential']): Mask {
  if (credential === undefined) return noMask
  const declared = Object.hasOwn(credentialTypes, credential.type)
    ? Object.entries(credentialTypes[credential.type as keyof typeof credentialTypes].fields)
    : undefined
  // A type this version does not know: everything in it counts as secret.
  const isSecret = (name: string) =>
    declared === undefined || declared.some(([field, param]) => field === name && param.kind === 'secret')
  const long = new Set<string>()
  const short = new Set<string>()
  for (const [name, value] of Object.entries(credential.fields)) {
    if (!isSecret(name) || value === '') continue
    const { username } = credential.fields
    const forms = [value, encodeURIComponent(value.toWellFormed()), base64(value)]
    if (username !== undefined && name !== 'username') forms.push(base64(`${username}:${value}`))
    if (value.includes('\n')) forms.push(...value.split(/\r?\n/).filter((line) => line.length >= 16))
    for (const form of forms) (form.length >= 4 ? long : short).add(form)
  }
  if (long.size === 0 && short.size === 0) return noMask
  // The longest first: one form may be part of another.
  const plain = [...long].sort((a, b) => b.length - a.length)
  const alone = [...short].map((form) => new RegExp(`(?<![\\p{L}\\p{N}])${escaped(form)}(?![\\p{L}\\p{N}])`, 'gu'))
  return (text) => {
    let masked = text
    for (const form of plain) if (masked.includes(form)) masked = masked.replaceAll(form, shownInstead)
    for (const form of alone) masked = masked.replace(form, shownInstead)
    return masked
  }
}

function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64')
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&')
}
