import { setTimeout as pause } from 'node:timers/promises'
import { FarwatchError, formatDuration, suggest } from '../../base/index.ts'
import type { Agent } from '../../contract/index.ts'
import type { Client } from '../client.ts'
import { writeOut } from '../output-file.ts'
import { line, mib, printable, table, type Terminal } from '../terminal.ts'

const actions = [
  'list',
  'show',
  'accept',
  'reject',
  'lift',
  'rename',
  'activate',
  'deactivate',
  'drain',
  'undrain',
  'remove',
  'rekey',
  'logs',
  'token',
  'tokens',
  'remove-token',
] as const
type Action = (typeof actions)[number]

export interface AgentOptions {
  readonly json?: boolean
  readonly name?: string
  readonly output?: string
  readonly expires?: string
  readonly uses?: string
  readonly note?: string
}

const progressMs = 1_000

/** The agents of a server: lists them, decides about them, makes enrolment tokens. */
export async function agents(
  terminal: Terminal,
  client: Client,
  action: string,
  words: readonly string[],
  options: AgentOptions,
): Promise<void> {
  const print = (answer: unknown, text: () => string) =>
    line(terminal.stdout, options.json === true ? JSON.stringify(answer) : text())
  const word = (index: number, what: string): string => {
    const given = words[index]
    if (given === undefined) throw new FarwatchError('wrong-use', `agents ${action} needs ${what}`)
    return given
  }
  const most = action === 'list' || action === 'token' || action === 'tokens' ? 0 : action === 'rename' ? 2 : 1
  if (words.length > most)
    throw new FarwatchError('wrong-use', `agents ${action}: ${JSON.stringify(words[most])} is one word too many`)
  const meant = async () =>
    meantAgent(await client.call('listAgents'), word(0, 'an agent: its id, the beginning of it, or its name'))
  const changed = async (
    name: 'rejectAgent' | 'activateAgent' | 'deactivateAgent' | 'undrainAgent' | 'rekeyAgent',
    what: string,
  ) => {
    const { id } = await meant()
    const after = await client.call(name, { params: { id } })
    print(after, () => `${printable(after.name)} ${what}.`)
  }
  switch (action as Action) {
    case 'list': {
      const all = await client.call('listAgents')
      return print(all, () => listed(terminal, all))
    }
    case 'show': {
      const agent = await meant()
      return print(agent, () => described(agent))
    }
    case 'accept': {
      const { id } = await meant()
      const { name } = options
      const after = await client.call('acceptAgent', { params: { id }, body: name === undefined ? {} : { name } })
      return print(after, () => `${printable(after.name)} is accepted, with the fingerprint\n${after.fingerprint}`)
    }
    case 'reject':
      return changed('rejectAgent', 'is rejected')
    case 'lift': {
      const { id, name } = await meant()
      const done = await client.call('liftAgent', { params: { id } })
      return print(done, () => `${printable(name)} may ask again.`)
    }
    case 'rename': {
      const { id } = await meant()
      const after = await client.call('renameAgent', { params: { id }, body: { name: word(1, 'a new name') } })
      return print(after, () => `It is called ${printable(after.name)}.`)
    }
    case 'activate':
      return changed('activateAgent', 'is active')
    case 'deactivate':
      return changed('deactivateAgent', 'is deactivated: it gets no work')
    case 'drain': {
      const agent = await meant()
      const done = await drained(terminal, client, agent, options.json === true)
      return print(done, () => `${printable(agent.name)} is drained: others run what it ran, and nothing was missed.`)
    }
    case 'undrain':
      return changed('undrainAgent', 'gets work again')
    case 'remove': {
      const { id, name } = await meant()
      const done = await client.call('removeAgent', { params: { id } })
      return print(done, () => `${printable(name)} is removed, and its key revoked.`)
    }
    case 'rekey':
      return changed('rekeyAgent', 'has another key')
    case 'logs': {
      const { id } = await meant()
      return writeOut(terminal, options.output, await client.call('showAgentLogs', { params: { id } }))
    }
    case 'token': {
      const { expires, uses, note } = options
      const made = await client.call('createEnrolmentToken', {
        body: {
          ...(expires === undefined ? {} : { expiresIn: expires }),
          ...(uses === undefined ? {} : { uses: wholeNumber('--uses', uses) }),
          ...(note === undefined ? {} : { note }),
        },
      })
      return print(made, () =>
        [
          `Good for ${made.uses === 1 ? 'one agent' : `${made.uses} agents`} until ${made.expiresAt}; it is not shown again.`,
          ...(made.warning === null ? [] : ['', made.warning]),
          '',
          "On the agent's machine:",
          '',
          ...made.command.split(' && ').map((part, i, all) => `  ${part}${i < all.length - 1 ? ' &&' : ''}`),
        ].join('\n'),
      )
    }
    case 'tokens': {
      const all = await client.call('listEnrolmentTokens')
      return print(all, () =>
        table([
          ['ID', 'LEFT', 'EXPIRES', 'BY', 'NOTE'],
          ...all.map((one) => [
            one.id,
            `${one.usesLeft}/${one.uses}`,
            minutesOf(one.expiresAt),
            printable(one.createdBy),
            printable(one.note),
          ]),
        ]),
      )
    }
    case 'remove-token': {
      const id = word(0, 'the id of a token')
      const done = await client.call('removeEnrolmentToken', { params: { id } })
      return print(done, () => 'The token is worthless now.')
    }
  }
  throw new FarwatchError('wrong-use', `agents ${action}: there is no such action`, { hint: suggest(action, actions) })
}

/** The agent that a word means. @throws FarwatchError `wrong-use` where it means several, `not-found` */
function meantAgent(all: readonly Agent[], word: string): Agent {
  const exact = all.filter(({ id, name }) => id === word || name === word)
  const found = exact.length > 0 ? exact : all.filter(({ id }) => id.startsWith(word.toLowerCase()))
  if (found.length === 1) return found[0]!
  if (found.length > 1)
    throw new FarwatchError('wrong-use', `${JSON.stringify(word)} means ${found.length} agents`, {
      hint: `Give the id: ${found.map(({ id, name }) => `${id} (${printable(name)})`).join(', ')}`,
    })
  throw new FarwatchError('not-found', `there is no agent ${JSON.stringify(word)}`, {
    hint:
      suggest(
        word,
        all.map(({ name }) => name),
      ) || '`farwatch agents` lists them.',
  })
}

/** Waits until an agent is drained, and says how far it is. What cuts the long request off on its way does not end it. */
async function drained(
  terminal: Terminal,
  client: Client,
  { id, name }: Agent,
  isQuiet: boolean,
): Promise<{ drained: true }> {
  const done = new AbortController()
  const say = (text: string) => {
    if (!isQuiet) line(terminal.stderr, text)
  }
  say(`Draining ${printable(name)}; that goes on where this command is interrupted.`)
  const progress = (async () => {
    let told: number | undefined
    while (!done.signal.aborted) {
      const { connectors } = await client.call('showAgent', { params: { id } })
      if (connectors !== told && !done.signal.aborted)
        say(`  ${connectors} connector${connectors === 1 ? '' : 's'} left`)
      told = connectors
      await pause(progressMs, undefined, { signal: done.signal })
    }
    // It only tells; what fails is told by the request that matters.
  })().catch(() => undefined)
  try {
    for (;;) {
      try {
        return await client.call('drainAgent', { params: { id } })
      } catch (thrown) {
        if (!(thrown instanceof FarwatchError) || thrown.code !== 'unreachable') throw thrown
        const { drain } = await client.call('showAgent', { params: { id } })
        if (drain === 'none') throw thrown
      }
    }
  } finally {
    done.abort()
    await progress
  }
}

/** One word for how an agent is. */
function stateOf({ registration, admin, runtime, drain }: Agent): string {
  if (registration !== 'ACCEPTED') return registration
  if (admin === 'OFF') return 'OFF'
  return drain === 'done' && runtime === 'DRAINING' ? 'DRAINED' : runtime
}

const shortestId = 8
const longestName = 26

function listed(terminal: Terminal, all: readonly Agent[]): string {
  const shortId = shortener(all.map(({ id }) => id))
  const name = (text: string) =>
    terminal.isInteractive && text.length > longestName ? `${text.slice(0, longestName - 1)}…` : text
  const rows = all.map((agent) => [
    shortId(agent.id),
    name(printable(agent.name)),
    stateOf(agent),
    String(agent.connectors),
    `${Math.round(agent.load * 100)} %`,
    agent.lastSeenAt === null ? '-' : minutesOf(agent.lastSeenAt),
  ])
  const pending = all.filter(({ registration }) => registration === 'PENDING')
  return [
    table([['ID', 'NAME', 'STATE', 'CONNECTORS', 'LOAD', 'LAST SEEN (UTC)'], ...rows]),
    ...pending.flatMap(({ id, name: called, fingerprint }) => [
      '',
      `${printable(called)} waits to be accepted. Where it shows the same fingerprint,`,
      fingerprint,
      `accept it: farwatch agents accept ${shortId(id)}`,
    ]),
  ].join('\n')
}

/** The first characters of ids, as many as tell them apart. */
function shortener(ids: readonly string[]): (id: string) => string {
  let length = shortestId
  while (length < 36 && new Set(ids.map((id) => id.slice(0, length))).size < ids.length) length++
  return (id) => id.slice(0, length)
}

function described(agent: Agent): string {
  const rows: (readonly [string, string | null])[] = [
    ['Id', agent.id],
    ['Name', printable(agent.name)],
    ['Calls itself', agent.announcedName === agent.name ? null : printable(agent.announcedName)],
    [
      'State',
      `${agent.registration}, ${agent.admin}, ${agent.runtime}${agent.drain === 'none' ? '' : `, drain ${agent.drain}`}`,
    ],
    ['Fingerprint', agent.fingerprint],
    [
      'Version',
      `${printable(agent.version)}${agent.lacks.length === 0 ? '' : `, lacks ${agent.lacks.map(printable).join(', ')}`}`,
    ],
    ['Machine', agent.hostname === null ? null : `${printable(agent.hostname)}, ${printable(agent.platform ?? '')}`],
    ['Address', agent.address],
    ['Groups', agent.groups.length === 0 ? 'none' : agent.groups.map(printable).join(', ')],
    [
      'Runs',
      `${agent.connectors} connectors${agent.tasks === null ? '' : `, ${agent.tasks} tasks; ${agent.running ?? 0} running, ${agent.waiting ?? 0} waiting`}`,
    ],
    [
      'Load',
      `${Math.round(agent.load * 100)} %${agent.cpu === null ? '' : `, processors ${Math.round(agent.cpu * 100)} % busy`}`,
    ],
    ['Memory', agent.memory === null ? null : `${mib(agent.memory.usedBytes)} of ${mib(agent.memory.totalBytes)} used`],
    ['Disk', agent.disk === null ? null : `${mib(agent.disk.freeBytes)} of ${mib(agent.disk.totalBytes)} free`],
    ['Spool', agent.spool === null ? null : `${agent.spool.entries} results, ${mib(agent.spool.bytes)}`],
    ['Clock', agent.clock === null ? null : `${ms(agent.clock.offsetMs)} off, round trip ${ms(agent.clock.rttMs)}`],
    ['Isolated', agent.isolated === true ? 'yes: it reaches none of its targets' : null],
    ['Last seen', agent.lastSeenAt],
    ['Decided', agent.decidedAt === null ? null : `${agent.decidedAt} by ${printable(agent.decidedBy ?? '')}`],
  ]
  return table(rows.flatMap(([name, value]) => (value === null ? [] : [[name, value]])))
}

function ms(duration: number): string {
  return `${duration < 0 ? '-' : ''}${formatDuration(Math.abs(Math.round(duration)))}`
}

function minutesOf(at: string): string {
  return at.slice(0, 19).replace('T', ' ')
}

function wholeNumber(flag: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new FarwatchError('wrong-use', `${flag} must be a whole number, not ${JSON.stringify(text)}`)
}
