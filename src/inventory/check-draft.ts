import { FarwatchError } from '../base/index.ts'
import type { AssignedConnector, Rule, Wanted } from '../model/index.ts'
import { isPlainObject, shown, type AnyMonitor, type Library, type Param } from '../sdk/index.ts'
import { compileConnector, compileMonitor } from './compile.ts'
import type { Configuration } from './configuration.ts'
import { Problems, suggestFrom } from './reading.ts'
import { credentialContext, openIfReadable, type SecretVault } from './secrets.ts'

/** A connector and a monitor as a form has them, not saved or not yet saved. */
export interface CheckDraft {
  readonly group: string
  readonly connector: {
    readonly type: string
    readonly settings?: unknown
    /** Name of a credential of the group. */
    readonly credential?: string | undefined
  }
  readonly monitor: string
  readonly settings?: unknown
  readonly timeout?: string | undefined
  readonly rules?: unknown
  /** Not a run that measures: where what there is to choose from is asked for, those settings need not be right, nor there. */
  readonly wants?: Wanted
}

/** What an agent is asked to run once, with the credential in the clear: for the way to that agent only; and what judges it. */
export interface PreparedCheck {
  readonly order: {
    readonly monitor: string
    readonly settings: Readonly<Record<string, unknown>>
    readonly connector: Omit<AssignedConnector, 'id' | 'group'>
    readonly timeoutMs: number
    readonly wants?: Wanted
  }
  readonly rules: readonly Rule[]
  readonly periodMs: number
}

/** @throws FarwatchError `invalid-value` with every problem, `not-found` */
export function prepareCheck(
  draft: CheckDraft,
  { groups }: Configuration,
  library: Library,
  vault: SecretVault,
): PreparedCheck {
  const group = groups.get(draft.group)
  if (group === undefined) throw new FarwatchError('not-found', `there is no group ${shown(draft.group)}`)
  const problems = new Problems()
  const { type, settings: given } = draft.connector
  const connector = compileConnector({ type, settings: given }, library, 'connector')
  if (!connector.ok) problems.addAll(connector.problems)
  const monitor = compileMonitor(
    {
      monitor: draft.monitor,
      period: undefined,
      timeout: draft.timeout,
      settings: isPlainObject(draft.settings)
        ? draft.wants === undefined
          ? draft.settings
          : withoutChosen(draft.settings, library.monitors.get(draft.monitor))
        : undefined,
      rules: draft.rules,
    },
    library.connectors.has(type) ? type : undefined,
    draft.wants === undefined ? library : { ...library, monitors: lenient(library, draft.monitor) },
    '',
  )
  if (!monitor.ok) problems.addAll(monitor.problems)

  if (library.monitors.get(draft.monitor)?.runsCommands === true && group.ownCommands === 'refused')
    problems.add(
      'monitor',
      `runs commands that users wrote, which the group ${shown(group.name)} does not allow`,
      'An administrator allows it with `ownCommands: allowed` in the group.',
    )
  const name = draft.connector.credential
  const usable = library.connectors.get(type)?.credentials ?? []
  let credential: AssignedConnector['credential']
  if (name === undefined) {
    if (library.connectors.get(type)?.credentialRequired === true)
      problems.add('connector.credential', `is missing: a connector of type ${type} needs one`)
  } else {
    const stored = group.credentials.get(name)
    if (stored === undefined)
      problems.add(
        'connector.credential',
        `there is no credential ${shown(name)} in the group ${shown(group.name)}`,
        suggestFrom(name, group.credentials.keys()),
      )
    else if (!usable.some((one) => one === stored.type))
      problems.add(
        'connector.credential',
        `a connector of type ${type} cannot use a credential of type ${stored.type}`,
        `It can use: ${usable.join(', ')}.`,
      )
    else {
      const { sealed } = stored.secrets
      const secrets = sealed === '' ? {} : openIfReadable(sealed, credentialContext(group.name, name), vault)
      if (secrets === undefined)
        problems.add('connector.credential', 'the stored secret cannot be opened', 'Enter it again.')
      else credential = { type: stored.type, fields: { ...stored.fields, ...secrets } }
    }
  }
  if (problems.list.length > 0 || !connector.ok || !monitor.ok)
    throw new FarwatchError('invalid-value', `this cannot be run: ${first(problems)}`, { problems: problems.list })
  const { settings, timeoutMs, rules, periodMs } = monitor.value
  return {
    order: {
      monitor: draft.monitor,
      settings,
      connector: {
        type,
        settings: connector.value,
        ...(credential === undefined ? {} : { credential }),
        ...(group.ownCommands === 'allowed' ? { ownCommands: true } : {}),
      },
      timeoutMs,
      ...(draft.wants === undefined ? {} : { wants: draft.wants }),
    },
    rules,
    periodMs,
  }
}

function isChosenFromTarget(param: Param): boolean {
  return (param.kind === 'text' || param.kind === 'list') && param.candidates === true
}

function withoutChosen(
  settings: Readonly<Record<string, unknown>>,
  monitor: AnyMonitor | undefined,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(settings).filter(([key]) => {
      const param = monitor !== undefined && Object.hasOwn(monitor.settings, key) ? monitor.settings[key] : undefined
      return param === undefined || !isChosenFromTarget(param)
    }),
  )
}

/** The monitors with one among them that takes settings without what is still to be chosen. */
function lenient({ monitors }: Library, id: string): Library['monitors'] {
  const monitor = monitors.get(id)
  if (monitor === undefined) return monitors
  const { check: _, ...rest } = monitor
  const settings = Object.fromEntries(
    Object.entries(monitor.settings).map(([key, param]) => [
      key,
      isChosenFromTarget(param) ? { ...param, optional: true as const } : param,
    ]),
  )
  return new Map(monitors).set(id, { ...rest, settings })
}

function first({ list }: Problems): string {
  const [problem] = list
  return problem === undefined ? '' : `${problem.path} ${problem.message}`
}
