import { at } from '../base/index.ts'
import { isPlainObject } from '../sdk/index.ts'
import { noSecrets, type Secrets } from './configuration.ts'
import { reportUnknown, type Problems } from './reading.ts'

/** What the inventory needs of the vault: text for secrets, readable only under the same context. */
export interface SecretVault {
  seal(plain: Readonly<Record<string, string>>, context: string): string
  open(sealed: string, context: string): Readonly<Record<string, string>>
}

/** Where the values of `{ env: NAME }` come from; undefined where the one who applies may not read the environment. */
export type Environment = ((name: string) => string | undefined) | undefined

/** A secret as given, with its value found; `keep` stands for the one that is stored. */
export type GivenSecret = { readonly is: 'value'; readonly value: string } | { readonly is: 'keep' }

const variableName = /^[A-Za-z_][A-Za-z0-9_]{0,199}$/

/** Reads one of the three forms of a secret. What was given never enters a message: it may be the secret in the wrong place. */
export function readSecret(
  given: unknown,
  path: string,
  environment: Environment,
  problems: Problems,
  plainText: 'allowed' | 'refused',
): GivenSecret | undefined {
  if (typeof given === 'string' && plainText === 'allowed') return { is: 'value', value: given }
  const forms = 'Write { value: … }, { env: NAME }, or { keep: true } for the stored one.'
  if (!isPlainObject(given))
    return problems.add(
      path,
      typeof given === 'string' ? 'a secret is not written as a plain text' : 'must be a secret in one of its forms',
      forms,
    )
  reportUnknown(given, path, ['value', 'env', 'keep'], problems)
  const keys = ['value', 'env', 'keep'].filter((key) => Object.hasOwn(given, key))
  if (keys.length !== 1)
    return problems.add(
      path,
      keys.length === 0 ? 'says nothing of the secret' : `says ${keys.join(' and ')}; only one of them can be meant`,
      forms,
    )
  if (keys[0] === 'keep') {
    return given['keep'] === true ? { is: 'keep' } : problems.add(at(path, 'keep'), 'must be true')
  }
  if (keys[0] === 'value') {
    return typeof given['value'] === 'string'
      ? { is: 'value', value: given['value'] }
      : problems.add(at(path, 'value'), 'must be a text', 'Put a number in quotes.')
  }
  return readVariable(given['env'], at(path, 'env'), environment, problems)
}

function readVariable(
  name: unknown,
  path: string,
  environment: Environment,
  problems: Problems,
): GivenSecret | undefined {
  if (typeof name !== 'string' || !variableName.test(name))
    return problems.add(path, 'must be the name of an environment variable', 'For example: SHOP_PASSWORD')
  if (name.startsWith('FARWATCH_'))
    return problems.add(path, `${name} belongs to Farwatch itself and is never read as a secret`)
  if (environment === undefined)
    return problems.add(
      path,
      `the environment variable ${name} is not read here: only an administrator may have the server read its environment`,
      '`farwatch apply` reads it where it runs; or write { value: … }.',
    )
  const value = environment(name)
  if (value === undefined || value === '')
    return problems.add(path, `the environment variable ${name} is not set`, 'Set it where the document is applied.')
  return { is: 'value', value }
}

/**
 * Seals secrets anew only where one of them changed: what is stored stays, byte for byte, when the same is applied again.
 * @param values the secrets in the clear, by field
 */
export function sealSecrets(
  values: Readonly<Record<string, string>>,
  stored: Secrets | undefined,
  context: string,
  vault: SecretVault,
): Secrets {
  const names = Object.keys(values).sort()
  if (names.length === 0) return noSecrets
  if (stored !== undefined && stored.sealed !== '') {
    const before = openIfReadable(stored.sealed, context, vault)
    if (
      before !== undefined &&
      names.length === Object.keys(before).length &&
      names.every((name) => before[name] === values[name])
    )
      return stored
  }
  return { names, sealed: vault.seal(values, context) }
}

/** Undefined where the vault cannot open it: then entering the secret again is the way out, and must not fail for the same reason. */
export function openIfReadable(
  sealed: string,
  context: string,
  vault: SecretVault,
): Readonly<Record<string, string>> | undefined {
  try {
    return vault.open(sealed, context)
  } catch {
    return undefined
  }
}

export function openSecrets(secrets: Secrets, context: string, vault: SecretVault): Readonly<Record<string, string>> {
  return secrets.sealed === '' ? {} : vault.open(secrets.sealed, context)
}

/** What a credential's secret is sealed for: it opens nowhere else. */
export function credentialContext(group: string, credential: string): string {
  return `credential ${JSON.stringify([group, credential])}`
}

export function pluginContext(plugin: string): string {
  return `plugin ${JSON.stringify([plugin])}`
}
