import { FarwatchError, formatDuration, parseDuration, suggest } from '../../base/index.ts'
import type { BodyOf, Drill, Failover, ForcePrice, Operations } from '../../contract/index.ts'
import { saysYes } from '../ask.ts'
import type { Client } from '../client.ts'
import { exitCodes, line, printable, table, type Terminal } from '../terminal.ts'

const actions = ['status', 'set', 'handover', 'drill', 'drills', 'force'] as const
const roles = ['NONE', 'PRIMARY', 'SECONDARY'] as const
const modes = ['OFF', 'ACTIVE', 'STANDBY'] as const

export interface FailoverOptions {
  readonly json?: boolean
  readonly role?: string
  readonly mode?: string
  readonly peerUrl?: string
  readonly peerUuid?: string
  readonly timeout?: string
  readonly poll?: string
  readonly yes?: boolean
}

/**
 * The pair of servers as one side of it sees it, and what an administrator may do about it.
 * @returns the exit code: a drill that did not go as it should is a failure
 */
export async function failover(
  terminal: Terminal,
  client: Client,
  action: string,
  options: FailoverOptions,
): Promise<number> {
  const print = (answer: unknown, text: () => string) =>
    line(terminal.stdout, options.json === true ? JSON.stringify(answer) : text())
  switch (action as (typeof actions)[number]) {
    case 'status': {
      const now = await client.call('showFailover')
      print(now, () => described(now))
      return exitCodes.done
    }
    case 'set': {
      const now = await client.call('changeFailover', { body: changesOf(options) })
      print(now, () => described(now))
      return exitCodes.done
    }
    case 'handover': {
      const done = await client.call('handOver')
      print(
        done,
        () => `The ${done.active} is active, with term ${done.term}, ${seconds(done.ms)} after it was asked for.`,
      )
      return exitCodes.done
    }
    case 'drill': {
      const drill = await client.call('runDrill')
      print(drill, () => drilled(drill))
      return wentWell(drill) ? exitCodes.done : exitCodes.failed
    }
    case 'drills': {
      const all = await client.call('listDrills')
      print(all, () => (all.length === 0 ? 'There was no drill yet: farwatch failover drill' : listed(all)))
      return exitCodes.done
    }
    case 'force':
      await force(terminal, client, options)
      return exitCodes.done
  }
  throw new FarwatchError('wrong-use', `failover ${action}: there is no such action`, {
    hint: suggest(action, actions),
  })
}

/** Shows what it costs before anything is done. */
async function force(terminal: Terminal, client: Client, options: FailoverOptions): Promise<void> {
  if (options.yes !== true) {
    const asked = await client.call('forceTakeover')
    const isAskable = terminal.isInteractive && options.json !== true
    line(terminal.stdout, options.json === true ? JSON.stringify(asked) : priced(asked.price))
    if (!isAskable)
      throw new FarwatchError('wrong-use', 'nobody can be asked whether this is worth it; nothing was done', {
        hint: 'Give --yes where it is.',
      })
    if (!(await saysYes(terminal, 'Shall this server act from now on, without the other?')))
      throw new FarwatchError('conflict', 'nothing was done')
  }
  const done = await client.call('forceTakeover', { body: { confirm: true } })
  line(terminal.stdout, options.json === true ? JSON.stringify(done) : 'This server acts now.')
}

function changesOf(options: FailoverOptions): BodyOf<Operations['changeFailover']> {
  const { role, mode, peerUrl, peerUuid, timeout, poll } = options
  const body = {
    ...(role === undefined ? {} : { role: oneOf('--role', role, roles) }),
    ...(mode === undefined ? {} : { mode: oneOf('--mode', mode, modes) }),
    ...(peerUrl === undefined ? {} : { peerUrl }),
    ...(peerUuid === undefined ? {} : { peerUuid }),
    ...(timeout === undefined ? {} : { timeoutMs: duration('--timeout', timeout) }),
    ...(poll === undefined ? {} : { pollMs: duration('--poll', poll) }),
  }
  if (Object.keys(body).length === 0)
    throw new FarwatchError('wrong-use', 'failover set needs what to set', {
      hint: 'Give --role, --mode, --peer-url, --peer-uuid, --timeout or --poll; what is left out stays.',
    })
  return body
}

function oneOf<T extends string>(flag: string, text: string, known: readonly T[]): T {
  const meant = known.find((one) => one === text.toUpperCase())
  if (meant !== undefined) return meant
  throw new FarwatchError('wrong-use', `${flag} ${text}: must be one of ${known.join(', ')}`, {
    hint: suggest(text.toUpperCase(), known),
  })
}

function duration(flag: string, text: string): number {
  const ms = /^\d{1,9}$/.test(text) ? Number(text) : parseDuration(text)
  if (ms !== undefined) return ms
  throw new FarwatchError('wrong-use', `${flag} ${text}: must be a duration such as 15s, or milliseconds`)
}

function described(now: Failover): string {
  const { peer, lag } = now
  const blocks: string[] = [
    table([
      ['Role', `${now.role}, mode ${now.mode}`],
      ['State', `${now.state}${now.handsOver ? ', handing over' : ''}, term ${now.term}`],
      ['Active', now.acts ? 'this server' : printable(now.activeUrl ?? 'not known here')],
      ...(peer === null ? [] : [['Other', other(peer)]]),
      ...(now.peerFingerprint === null ? [] : [['Its key', now.peerFingerprint]]),
      ...(now.pollProblem === null ? [] : [['Last poll', `failed: ${printable(now.pollProblem)}`]]),
      ...(now.role === 'NONE' ? [] : [['Lag', `${amount(lag.changes, 'changes')}, ${amount(lag.seconds, 's')}`]]),
      ...(now.peerUrl === '' ? [] : [['Peer URL', printable(now.peerUrl)]]),
      ...(now.peerUuid === '' ? [] : [['Peer UUID', printable(now.peerUuid)]]),
      ['Own UUID', now.uuid],
      ['Timeout', `${formatDuration(now.timeoutMs)}, polled every ${formatDuration(now.pollMs)}`],
    ]),
  ]
  const add = (title: string, rows: readonly (readonly string[])[]) => {
    if (rows.length > 0) blocks.push(`${title}\n${table(rows.map(([first, ...rest]) => [`  ${first}`, ...rest]))}`)
  }
  add(
    'Problems',
    now.problems.map(({ severity, message }) => [severity, printable(message)]),
  )
  add(
    'Set-up',
    now.setUp.map(({ on, done, message }) => [done ? 'done' : 'TO DO', on, printable(message)]),
  )
  add(
    'Replicated',
    now.parts.map(({ name, state, changes, seconds: waits, why }) => [
      name,
      state,
      [
        ...(changes === null ? [] : [`${amount(changes, 'changes')}, ${amount(waits, 's')}`]),
        ...(why === null ? [] : [printable(why)]),
      ].join('; '),
    ]),
  )
  add(
    'Witnesses of the other server',
    now.witnesses.map(({ agent, name, says }) => [printable(name ?? agent), says]),
  )
  return blocks.join('\n\n')
}

function other({ state, term, on, complete, unsound, heardMsAgo }: NonNullable<Failover['peer']>): string {
  return [
    `${state}, term ${term}, heard ${seconds(heardMsAgo)} ago`,
    ...(on ? [] : ['its mechanism is OFF']),
    ...(complete ? [] : ['it has not everything yet']),
    ...(unsound === null ? [] : [`its data is not to be relied on: ${printable(unsound)}`]),
  ].join('; ')
}

function priced({ missingChanges, lastContactMsAgo, configuration }: ForcePrice): string {
  const { here, there, same } = configuration
  return table([
    ['Missing here', missingChanges === null ? 'not known' : `${missingChanges} changes`],
    ['Last contact', lastContactMsAgo === null ? 'none since the start' : `${seconds(lastContactMsAgo)} ago`],
    [
      'Configuration',
      same === null
        ? `${here} here; of the other nothing is known`
        : same
          ? 'the same as the other had'
          : `${here} here, ${there} there: edits that were made there would be missing here`,
    ],
  ])
}

function wentWell({ problems, resultsLost, duplicates, runsMissed, notificationsRepeated }: Drill): boolean {
  return problems.length === 0 && resultsLost + duplicates + runsMissed + notificationsRepeated === 0
}

function switched(one: Drill['there']): string {
  return one === null ? 'not done' : `${seconds(one.ms)}, of these ${seconds(one.idleMs)} with none active`
}

function drilled(drill: Drill): string {
  return [
    table([
      ['There', switched(drill.there)],
      ['Back', switched(drill.back)],
      ['Results lost', String(drill.resultsLost)],
      ['Duplicates', String(drill.duplicates)],
      ['Runs missed', String(drill.runsMissed)],
      ['Notifications repeated', String(drill.notificationsRepeated)],
    ]),
    ...drill.problems.map((problem) => `! ${printable(problem)}`),
  ].join('\n')
}

function listed(all: readonly Drill[]): string {
  const ms = (one: Drill['there']) => (one === null ? '-' : seconds(one.ms))
  return table([
    ['STARTED (UTC)', 'BY', 'THERE', 'BACK', 'LOST', 'DOUBLE', 'MISSED', 'REPEATED', 'PROBLEMS'],
    ...all.map((drill) => [
      drill.startedAt.slice(0, 19).replace('T', ' '),
      printable(drill.by),
      ms(drill.there),
      ms(drill.back),
      String(drill.resultsLost),
      String(drill.duplicates),
      String(drill.runsMissed),
      String(drill.notificationsRepeated),
      drill.problems.length === 0 ? 'none' : printable(drill.problems.join('; ')),
    ]),
  ])
}

function amount(value: number | null, unit: string): string {
  return value === null ? `? ${unit}` : `${Number.isInteger(value) ? value : value.toFixed(1)} ${unit}`
}

function seconds(ms: number): string {
  return ms < 10_000 ? `${(ms / 1_000).toFixed(2)} s` : formatDuration(Math.round(ms / 1_000) * 1_000)
}
