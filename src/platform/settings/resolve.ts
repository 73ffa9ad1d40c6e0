import { parseDocument } from 'yaml'
import { FarwatchError, nearest, suggest, type Problem } from '../../base/index.ts'
import {
  declarationOf,
  isSettingName,
  settingNames,
  type SecretSettingName,
  type SettingDeclaration,
  type SettingName,
  type Settings,
} from './declarations.ts'
import { failoverDeclarations, failoverNames } from './failover-start.ts'
import { invalidSetting } from './invalid-setting.ts'
import { readSetting, type SettingValue } from './value.ts'

/** Where a value is from, strongest first. */
export const settingSources = ['flag', 'environment', 'file', 'stored', 'default'] as const
export type SettingSource = (typeof settingSources)[number]

/** What was given, by where it was given. */
export interface GivenSettings {
  /** By setting name; undefined where the flag was not used. */
  readonly flags?: Readonly<Partial<Record<SettingName, unknown>>>
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** `settings.yaml`. */
  readonly file?: { readonly path: string; readonly text: string }
  /** What portal and API changed, by setting name. */
  readonly stored?: Readonly<Record<string, unknown>>
}

export interface ResolvedSettings {
  readonly values: Settings
  readonly sources: Readonly<Record<SettingName, SettingSource>>
  /** Things that are probably slips but are none of our business to refuse. */
  readonly warnings: readonly string[]
}

// Read by the commands that speak to a running instance, and by the launcher.
const otherVariables = ['FARWATCH_URL', 'FARWATCH_TOKEN', 'FARWATCH_NODE']

/**
 * Settles every setting: flag over environment over file over stored over default.
 * A value that cannot be used is refused even where a stronger source hides it: it would bite the day that source goes.
 * @throws FarwatchError `invalid-setting` with every problem that was found, `not-supported`
 */
export function resolveSettings(given: GivenSettings): ResolvedSettings {
  const problems: Problem[] = []
  const file = given.file === undefined ? {} : readFileSettings(given.file, problems)
  const environment = given.environment ?? {}

  const values: Record<string, SettingValue> = {}
  const sources: Record<string, SettingSource> = {}
  for (const name of settingNames) {
    const declaration = declarationOf(name)
    const offers: readonly { source: SettingSource; where: string; given: unknown }[] = [
      { source: 'flag', where: (declaration.flag ?? name).split(' ')[0]!, given: given.flags?.[name] },
      // An empty variable is how compose files and unit files say "not set".
      { source: 'environment', where: declaration.variable, given: environment[declaration.variable] || undefined },
      { source: 'file', where: `${name} in ${given.file?.path}`, given: file[name] },
      { source: 'stored', where: `the stored setting ${name}`, given: given.stored?.[name] },
    ]
    for (const offer of offers) {
      if (offer.given === undefined) continue
      const read = readSetting(declaration, offer.given)
      if (!read.ok) {
        const shown = isSecretIn(declaration) ? 'its value' : shownValue(offer.given)
        problems.push({
          path: offer.where,
          message: `${shown} ${read.why}; it must be ${read.allowed}`,
          ...hintFor(offer.source, offer.given),
        })
      } else if (!(name in values)) {
        values[name] = read.value
        sources[name] = offer.source
      }
    }
    if (!(name in values)) {
      values[name] = declaration.kind === 'result-retention' ? { keep: declaration.default } : declaration.default
      sources[name] = 'default'
    }
  }
  if (problems.length > 0) throw invalidSetting(problems)
  // Secrets answer to their name only: whoever copies, logs or sends all settings does not take them along.
  for (const name of settingNames)
    if (declarationOf(name).secret === true) Object.defineProperty(values, name, { enumerable: false })
  // Every name was read by the reader of its own declaration, which is what Settings says.
  const settled = values as unknown as Settings
  refuseUnsupported(settled)
  return {
    values: settled,
    sources: sources as Record<SettingName, SettingSource>,
    warnings: unknownVariables(environment),
  }
}

/** Checks changes that portal or API ask for. @throws FarwatchError `invalid-setting` with every problem */
export function checkChanges(changes: Readonly<Record<string, unknown>>): Partial<Record<SettingName, SettingValue>> {
  const problems: Problem[] = []
  const checked: Partial<Record<SettingName, SettingValue>> = {}
  const changeable = settingNames.filter((name) => declarationOf(name).change !== 'start')
  for (const [name, given] of Object.entries(changes)) {
    if (!isSettingName(name) || !changeable.includes(name)) {
      const known = isSettingName(name)
      problems.push({
        path: name,
        message: known ? 'is given when Farwatch is started and cannot be changed here' : 'is not a setting',
        hint: known ? `Use ${declarationOf(name).variable}.` : suggest(name, changeable),
      })
      continue
    }
    const read = readSetting(declarationOf(name), given)
    if (read.ok) checked[name] = read.value
    else {
      const shown = isSecretIn(declarationOf(name)) ? 'its value' : shownValue(given)
      problems.push({ path: name, message: `${shown} ${read.why}; it must be ${read.allowed}` })
    }
  }
  if (problems.length > 0) throw invalidSetting(problems)
  return checked
}

/**
 * Takes the secrets out of the environment, so that neither a child process nor a crash report inherits them.
 * @returns what they were; empty texts where they were not given
 */
export function takeSecrets(
  environment: Record<string, string | undefined>,
  settings: Settings,
): Readonly<Record<SecretSettingName, string>> {
  const { databaseUrl, adminPassword, enrolmentToken } = settings
  for (const name of settingNames) {
    const declaration = declarationOf(name)
    if (isSecretIn(declaration)) delete environment[declaration.variable]
  }
  return { databaseUrl, adminPassword, enrolmentToken }
}

function readFileSettings(file: { path: string; text: string }, problems: Problem[]): Record<string, unknown> {
  const document = parseDocument(file.text, { uniqueKeys: true })
  if (document.errors.length > 0) {
    problems.push({ path: file.path, message: `is not YAML: ${document.errors[0]!.message.split('\n')[0]}` })
    return {}
  }
  const content: unknown = document.toJS({ maxAliasCount: 0 })
  if (content === null || content === undefined) return {}
  if (typeof content !== 'object' || Array.isArray(content)) {
    problems.push({ path: file.path, message: 'must be a map of settings: one `name: value` a line' })
    return {}
  }
  const allowed = settingNames.filter((name) => name !== 'data' && declarationOf(name).secret !== true)
  const known: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(content)) {
    if (isSettingName(name) && allowed.includes(name)) known[name] = value
    else {
      const elsewhere = isSettingName(name) ? `Give it as ${declarationOf(name).variable}.` : suggest(name, allowed)
      problems.push({
        path: `${name} in ${file.path}`,
        message: isSettingName(name) ? 'cannot be set in the file' : 'is not a setting',
        hint: elsewhere,
      })
    }
  }
  return known
}

// Unknown variables are a warning, not a refusal: orchestrators put variables of their own beside ours.
function unknownVariables(environment: Readonly<Record<string, string | undefined>>): string[] {
  const known = [
    ...settingNames.map((name) => declarationOf(name).variable),
    ...failoverNames.map((name) => failoverDeclarations[name].variable),
    ...otherVariables,
  ]
  return (
    Object.keys(environment)
      .filter((variable) => variable.startsWith('FARWATCH_') && !known.includes(variable))
      // What Kubernetes injects for a service of the name `farwatch`.
      .filter((variable) => !/^FARWATCH_(SERVICE_(HOST|PORT.*)|PORT_.*)$/.test(variable))
      .map((variable) => {
        const meant = nearest(variable, known)
        return `${variable} is not known and was ignored${meant === undefined ? '' : `; did you mean ${meant}?`}`
      })
  )
}

function hintFor(source: SettingSource, given: unknown): { hint?: string } {
  if (source === 'environment' && typeof given === 'string' && given.startsWith('tcp://'))
    return { hint: 'Kubernetes sets this for a service named farwatch; put `enableServiceLinks: false` into the pod.' }
  return {}
}

function refuseUnsupported(settings: Settings): void {
  if (settings.databaseUrl === '') return
  throw new FarwatchError(
    'not-supported',
    'FARWATCH_DATABASE_URL is set, and this version has the embedded database only',
    {
      hint: 'Unset FARWATCH_DATABASE_URL; the data is then kept in the data directory.',
    },
  )
}

/** Whether a value is or may hold a secret. */
function isSecretIn({ secret, kind }: SettingDeclaration): boolean {
  return secret === true || kind === 'proxy'
}

function shownValue(given: unknown): string {
  const text = typeof given === 'string' ? given : JSON.stringify(given)
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}…` : text)
}
