/** A pair to which something is done again and again, in no order: whether anything that was acknowledged is lost, or counts or is told twice. */
import { FarwatchError, messageOf, seededRandom, type Random } from '../src/base/index.ts'
import { account, rowsOf, servedNow, vanished, type Rows } from '../test/support/account.ts'
import { CountingTarget } from '../test/support/counting-target.ts'
import { HookReceiver } from '../test/support/hook-receiver.ts'
import { until, type TestInstance } from '../test/support/instance.ts'
import { PairLoad } from '../test/support/pair-load.ts'
import { oneActs, startPair, type Pair } from '../test/support/pair.ts'
import { median, percentile, sleep, type BenchRow, type Figure, type Size } from './row.ts'

const agents = ['north-1', 'north-2']
const tasks = 6
const bells = ['front-0', 'front-1', 'front-2']
/** What lies further back than this before a round was held against what was served in the round before. */
const overlapMs = 3_000
const settledWithinMs = 120_000
const timeoutMs = 5_000

/** Who acts when a round begins. */
interface Standing {
  readonly active: TestInstance
  readonly idle: TestInstance
}

interface Deed {
  readonly name: string
  /** Of all that is done, by weight. */
  readonly weight: number
  readonly act: (standing: Standing, random: Random) => Promise<void>
}

async function started(instance: TestInstance): Promise<void> {
  await instance.start()
  await instance.signIn()
}

/** Within the timeout, or well beyond it. */
const away = (random: Random) => sleep(random() < 0.4 ? random() * timeoutMs : timeoutMs * (2 + random() * 2))

const deeds: readonly Deed[] = [
  { name: 'hand-over', weight: 4, act: async ({ active }) => void (await active.call('handOver', { body: {} })) },
  {
    name: 'active killed',
    weight: 4,
    act: async ({ active }, random) => {
      await active.kill()
      await away(random)
      await started(active)
    },
  },
  {
    name: 'active stopped',
    weight: 2,
    act: async ({ active }, random) => {
      await ended(active)
      await away(random)
      await started(active)
    },
  },
  {
    name: 'idle killed',
    weight: 2,
    act: async ({ idle }, random) => {
      await idle.kill()
      await away(random)
      await started(idle)
    },
  },
  {
    name: 'idle stopped',
    weight: 1,
    act: async ({ idle }) => {
      await ended(idle)
      await started(idle)
    },
  },
  {
    name: 'active stood still',
    weight: 2,
    act: async ({ active }, random) => {
      active.pause()
      try {
        await away(random)
      } finally {
        active.resume()
      }
    },
  },
  {
    name: 'both killed',
    weight: 1,
    act: async ({ active, idle }, random) => {
      await Promise.all([active.kill(), idle.kill()])
      for (const each of random() < 0.5 ? [active, idle] : [idle, active]) await started(each)
    },
  },
  {
    name: 'idle killed amid a hand-over',
    weight: 1,
    act: async ({ active, idle }, random) => {
      const asked = active.call('handOver', { body: {} }).catch(() => undefined)
      await sleep(random() * 300)
      await idle.kill()
      await started(idle)
      await asked
    },
  },
]

async function ended(instance: TestInstance): Promise<void> {
  const code = await instance.stop()
  if (code !== 0) throw new FarwatchError('internal', `an instance that was told to end ended with ${code}`)
}

function chosen(random: Random): Deed {
  let left = random() * deeds.reduce((sum, { weight }) => sum + weight, 0)
  return deeds.find(({ weight }) => (left -= weight) < 0) ?? deeds[0]!
}

/** What a soak found: of each kind what should not be, in words. */
interface Found {
  readonly lost: string[]
  readonly strays: string[]
  readonly missing: string[]
  readonly notTold: string[]
  twice: number
}

/** One round: something is done, and then all that was served is held against what is stored. @returns how long it took until one acted and all was stored */
async function round(
  { pair, load, target, random }: Soak,
  deed: Deed,
  found: Found,
): Promise<{ readonly name: string; readonly ms: number }> {
  const active = await oneActs(pair)
  const idle = active === pair.primary ? pair.secondary : pair.primary
  const shown = await rowsOf(active)
  const since = servedNow(target, shown.keys())
  const from = Date.now() - overlapMs
  for (const bell of bells) if (random() < 0.3) load.ring(bell, random() < 0.5)
  const beganAt = performance.now()
  await deed.act({ active, idle }, random)
  const now = await oneActs(pair)
  await load.ran(now, Date.now())
  const served = servedNow(target, shown.keys())
  const look = async () => {
    const rows = await rowsOf(now)
    return { ...account(newer(rows, from), served, { since }), lost: vanished(shown, rows) }
  }
  const seen = await until(
    'all that was served is stored',
    look,
    ({ strays, lost, slots }) => strays.length + lost.length + slots.missing.length === 0,
    settledWithinMs,
  ).catch(look)
  const said = (list: readonly string[]) => list.map((one) => `${deed.name}: ${one}`)
  found.lost.push(...said(seen.lost))
  found.strays.push(...said(seen.strays))
  found.missing.push(...said(seen.slots.missing))
  found.twice += seen.twice + seen.slots.twice
  return { name: deed.name, ms: performance.now() - beganAt }
}

function newer(rows: Rows, from: number): Rows {
  return new Map([...rows].map(([connector, all]) => [connector, all.filter(({ slot }) => slot > from)]))
}

interface Soak {
  readonly pair: Pair
  readonly load: PairLoad
  readonly target: CountingTarget
  readonly random: Random
}

async function soak({ minutes, seed }: Size): Promise<readonly Figure[]> {
  await using target = await CountingTarget.start()
  await using hook = await HookReceiver.start()
  await using pair = await startPair({ agents, timeoutMs })
  const load = await PairLoad.start({ pair, target, hook, agents, tasks })
  const random = seededRandom(seed)
  const found: Found = { lost: [], strays: [], missing: [], notTold: [], twice: 0 }
  const rounds: { readonly name: string; readonly ms: number }[] = []
  let broke = ''
  const end = performance.now() + minutes * 60_000
  while (performance.now() < end && broke === '') {
    const deed = chosen(random)
    try {
      rounds.push(await round({ pair, load, target, random }, deed, found))
      console.log(`${new Date().toISOString()} ${deed.name}: ${(rounds.at(-1)!.ms / 1_000).toFixed(1)} s`)
    } catch (thrown) {
      broke = `${deed.name}: ${messageOf(thrown)}`
    }
  }
  const active = await oneActs(pair).catch(() => pair.primary)
  for (const bell of bells) load.ring(bell, false)
  await load.bellsSettle(active)
  found.notTold.push(...(await load.notTold(active)))
  const acted = new Set(hook.notices.map(({ alarm }) => alarm.id)).size
  const words = (list: readonly string[]) => (list.length === 0 ? {} : { note: list.slice(0, 5).join('; ') })
  const { term } = await active.call('showFailover')
  const counts = [...Map.groupBy(rounds, ({ name }) => name)].map(([name, all]) => `${all.length} ${name}`)
  return [
    { name: 'soak, rounds', value: rounds.length, unit: '', note: `seed ${seed}, ${counts.join(', ')}; term ${term}` },
    {
      name: 'soak, from the deed until all is stored, median',
      value: median(rounds.map(({ ms }) => ms / 1_000)),
      unit: 's',
    },
    {
      name: 'soak, from the deed until all is stored, p95',
      value: percentile(
        rounds.map(({ ms }) => ms / 1_000),
        0.95,
      ),
      unit: 's',
    },
    { name: 'soak, results shown once and gone', value: found.lost.length, unit: '', ...words(found.lost) },
    { name: 'soak, runs served and never stored', value: found.strays.length, unit: '', ...words(found.strays) },
    { name: 'soak, slots without a row', value: found.missing.length, unit: '', ...words(found.missing) },
    { name: 'soak, results or slots stored twice', value: found.twice, unit: '' },
    {
      name: 'soak, steps of alarms not told under one key',
      value: found.notTold.length,
      unit: '',
      ...words(found.notTold),
    },
    {
      name: 'soak, steps of alarms told under two keys',
      value: hook.underTwoKeys.length,
      unit: '',
      ...words(hook.underTwoKeys),
    },
    {
      name: 'soak, notifications repeated under their key',
      value: hook.repeats,
      unit: '',
      note: `of ${hook.notices.length} of ${acted} alarms`,
    },
    ...(broke === '' ? [] : [{ name: 'soak, ended before its time', value: NaN, unit: '', note: broke }]),
  ]
}

export const failoverSoakRow: BenchRow = {
  name: 'failover-soak',
  about:
    'a pair that is killed, stopped, paused and handed over at random: what is lost, twice, or told twice (--minutes, --seed)',
  run: soak,
}
