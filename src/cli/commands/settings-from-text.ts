import { FarwatchError, suggest } from '../../base/index.ts'
import type { Param, Params } from '../../sdk/index.ts'

/** One declared home of a setting: the monitor, its connector, or a field of a credential. */
export interface Home {
  readonly name: string
  readonly params: Params
}

/**
 * Sorts `key=value` words into the homes that declare the keys. A key that two homes declare needs its home in front
 * (`connector.timeout=5s`); a map takes `extract.hits=$.hits`; a list is the key given several times, or JSON.
 * @returns per home what was set, still to be checked against its declaration
 * @throws FarwatchError `wrong-use` naming the word
 */
export function settingsFromText(
  words: readonly string[],
  homes: readonly Home[],
): Map<string, Record<string, unknown>> {
  const found = new Map<string, Record<string, unknown>>(homes.map((home) => [home.name, {}]))
  for (const word of words) {
    const cut = word.indexOf('=')
    if (cut <= 0) throw new FarwatchError('wrong-use', `--set ${word}: must be key=value`)
    const { home, key, inner } = locate(word.slice(0, cut), homes)
    const param = home.params[key]!
    const settings = found.get(home.name)!
    const text = word.slice(cut + 1)
    if (param.kind === 'map' && inner !== undefined)
      settings[key] = { ...(settings[key] as object | undefined), [inner]: text }
    else if (param.kind === 'list' && !text.startsWith('['))
      settings[key] = [...((settings[key] as unknown[] | undefined) ?? []), valueOf(param.of, text)]
    else settings[key] = valueOf(param, text)
  }
  return found
}

interface Located {
  readonly home: Home
  readonly key: string
  /** The part of a map's key behind the setting's name. */
  readonly inner: string | undefined
}

function locate(written: string, homes: readonly Home[]): Located {
  const prefixed = homes.find((home) => written.startsWith(`${home.name}.`))
  const rest = prefixed === undefined ? written : written.slice(prefixed.name.length + 1)
  const dot = rest.indexOf('.')
  const candidates = (prefixed === undefined ? homes : [prefixed]).flatMap((home): Located[] => {
    if (Object.hasOwn(home.params, rest)) return [{ home, key: rest, inner: undefined }]
    const key = rest.slice(0, Math.max(0, dot))
    return dot > 0 && Object.hasOwn(home.params, key) ? [{ home, key, inner: rest.slice(dot + 1) }] : []
  })
  if (candidates.length === 1) return candidates[0]!
  if (candidates.length > 1) {
    throw new FarwatchError(
      'wrong-use',
      `--set ${written}: ${candidates.map(({ home }) => home.name).join(' and ')} both have it`,
      { hint: `Write ${candidates[0]!.home.name}.${written} or ${candidates[1]!.home.name}.${written}.` },
    )
  }
  throw new FarwatchError('wrong-use', `--set ${written}: there is no such setting here`, {
    hint: suggest(
      written,
      homes.flatMap((home) => Object.keys(home.params)),
    ),
  })
}

function valueOf(param: Param, text: string): unknown {
  switch (param.kind) {
    case 'number':
      return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text
    case 'flag':
      return text === 'true' ? true : text === 'false' ? false : text
    case 'list':
    case 'map':
      try {
        return JSON.parse(text)
      } catch {
        // The check of the settings says what is wrong with it, and where.
        return text
      }
    case 'text':
    case 'choice':
    case 'duration':
    case 'size':
    case 'url':
    case 'secret':
      return text
  }
}
