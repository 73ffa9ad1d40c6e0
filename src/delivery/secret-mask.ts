import { isPlainObject, type Params } from '../sdk/index.ts'

/** Puts `***` where a secret stood. Applied to every word of a plugin before it is kept, logged or shown. */
export type Mask = (text: string) => string

// A message is a line for a person; a receiver's essay is not.
const maxLength = 1_000

/**
 * Makes the mask of one plugin's settings: every value of kind `secret`, as it is and in the forms it takes on its way (URL, JSON,
 * Base64, the Base64 of `user:password`), and the user part of any URL. One place for all plugins, so that no plugin's author
 * has to think of it.
 */
export function maskOf(params: Params, settings: Readonly<Record<string, unknown>>): Mask {
  const secrets = Object.entries(params).flatMap(([name, param]) => {
    if (param.kind === 'secret') return textsIn(settings[name])
    return param.kind === 'list' && param.of.kind === 'secret' ? textsIn(settings[name]) : []
  })
  const user = settings['username']
  const forms = secrets.flatMap((secret) => [
    secret,
    encodeURIComponent(secret.toWellFormed()),
    JSON.stringify(secret).slice(1, -1),
    Buffer.from(secret).toString('base64'),
    ...(typeof user === 'string'
      ? [Buffer.from(`${user}:${secret}`).toString('base64'), Buffer.from(`\0${user}\0${secret}`).toString('base64')]
      : []),
  ])
  // The longest first: a short form within a longer one would leave the longer one's rest standing.
  const sought = [...new Set(forms)].filter((form) => form !== '').sort((a, b) => b.length - a.length)
  return (text) => {
    let masked = text
    for (const form of sought) masked = masked.replaceAll(form, '***')
    masked = masked
      .replaceAll(/\/\/[^/\s@]+@/g, '//***@')
      .replaceAll(/\s+/g, ' ')
      .trim()
    return masked.length > maxLength ? `${masked.slice(0, maxLength - 1)}…`.toWellFormed() : masked
  }
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (Array.isArray(value)) return value.flatMap(textsIn)
  return isPlainObject(value) ? Object.values(value).flatMap(textsIn) : []
}
