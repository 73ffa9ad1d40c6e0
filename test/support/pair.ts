import { rm } from 'node:fs/promises'
import { fingerprintAt, online, scratchData, trust } from './fleet.ts'
import { TestInstance, until } from './instance.ts'

/** Two servers that are a pair, and agents elsewhere that know of the first one at the start. */
export interface Pair extends AsyncDisposable {
  readonly primary: TestInstance
  readonly secondary: TestInstance
  readonly agents: readonly TestInstance[]
}

export interface PairOptions {
  /** Their names. */
  readonly agents?: readonly string[]
  readonly timeoutMs?: number
  readonly pollMs?: number
  readonly serverEnv?: Readonly<Record<string, string>>
  /** Where the SECONDARY reaches the PRIMARY, for a line that can be cut. */
  readonly peerUrl?: (primary: TestInstance) => string | Promise<string>
  /** A data directory for the PRIMARY, on a disk that something is to happen to. */
  readonly primaryData?: string
  /** Before the pair is set up: what the PRIMARY had already. */
  readonly before?: (primary: TestInstance) => Promise<void>
}

const small = { FARWATCH_PROCESSES: '1' }

/** Starts both, sets them up, and waits until the SECONDARY has everything. */
export async function startPair(options: PairOptions = {}): Promise<Pair> {
  const stack = new AsyncDisposableStack()
  try {
    return await start(options, stack)
  } catch (thrown) {
    await stack.disposeAsync()
    throw thrown
  }
}

async function start(options: PairOptions, stack: AsyncDisposableStack): Promise<Pair> {
  const { agents: names = [], timeoutMs = 5_000, pollMs = 500 } = options
  const env = { ...small, FARWATCH_ROLE: 'server', ...options.serverEnv }
  const primary = stack.use(
    await TestInstance.start({
      env: { ...env, FARWATCH_NAME: 'primary' },
      ...(options.primaryData === undefined ? {} : { data: options.primaryData }),
    }),
  )
  const data = await scratchData()
  await trust(primary.url, await fingerprintAt(primary.url), data)
  const secondary = stack.use(await TestInstance.start({ data, env: { ...env, FARWATCH_NAME: 'secondary' } }))
  await options.before?.(primary)
  const { token } = await primary.call('createEnrolmentToken', { body: { expiresIn: '10m', uses: 100 } })
  await primary.call('changeSettings', { body: { offlineTimeoutMs: 5_000 } })
  await secondary.call('changeSettings', { body: { offlineTimeoutMs: 5_000 } })
  const agents = await Promise.all(
    names.map(async (name) => {
      const own = await scratchData()
      try {
        for (const { url } of [primary, secondary]) await trust(url, await fingerprintAt(url), own)
        return stack.use(
          await TestInstance.start({
            data: own,
            env: {
              ...small,
              FARWATCH_ROLE: 'agent',
              FARWATCH_NAME: name,
              FARWATCH_SERVER: primary.url,
              FARWATCH_ENROLMENT_TOKEN: token,
            },
          }),
        )
      } catch (thrown) {
        await rm(own, { recursive: true, force: true })
        throw thrown
      }
    }),
  )
  await online(primary, names)
  await primary.call('changeFailover', {
    body: { role: 'PRIMARY', mode: 'ACTIVE', peerUuid: secondary.uuid, timeoutMs, pollMs },
  })
  const peerUrl = (await options.peerUrl?.(primary)) ?? primary.url
  await secondary.call('changeFailover', { body: { role: 'SECONDARY', mode: 'STANDBY', peerUrl, timeoutMs, pollMs } })
  await inStep(primary, secondary)
  return { primary, secondary, agents, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

/** Waits until the side that does not act has everything that the other has. */
export async function inStep(active: TestInstance, follower: TestInstance): Promise<void> {
  await until(
    'the follower has everything',
    async () => {
      const [here, there] = await Promise.all([active.call('showFailover'), follower.call('showFailover')])
      return { state: here.state, acts: here.acts, whole: here.peer?.complete, other: there.state, parts: there.parts }
    },
    ({ acts, whole, parts }) =>
      acts && whole === true && parts.length > 0 && parts.every(({ state }) => state === 'following'),
  )
}

/** Waits until one of the two acts, and the other one follows and has everything. @returns the one that acts */
export async function oneActs({ primary, secondary }: Pick<Pair, 'primary' | 'secondary'>): Promise<TestInstance> {
  const [here] = await until(
    'one acts and the other follows',
    () => Promise.all([primary.call('showFailover'), secondary.call('showFailover')]),
    ([one, other]) =>
      one.acts !== other.acts &&
      [one, other].every(({ acts, peer, parts }) =>
        acts
          ? peer?.complete === true
          : peer?.acts === true && parts.length > 0 && parts.every(({ state }) => state === 'following'),
      ),
  )
  return here.acts ? primary : secondary
}

/** Waits until an instance acts, or does not. */
export async function acting(instance: TestInstance, acts: boolean, withinMs = 60_000): Promise<void> {
  await until(
    acts ? 'it acts' : 'it does not act',
    () => instance.call('showFailover'),
    (shown) => shown.acts === acts,
    withinMs,
  )
}

/** Waits until an instance follows the other one, and has copied what it needs. */
export async function following(instance: TestInstance, state: 'held' | 'standby'): Promise<void> {
  await until(
    'it follows',
    () => instance.call('showFailover'),
    (shown) =>
      shown.state === state && shown.parts.length > 0 && shown.parts.every((part) => part.state === 'following'),
  )
}
