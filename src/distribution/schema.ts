import type { Database, SchemaPart, Statement } from '../platform/index.ts'
import type { AgentMachine } from './cost.ts'
import type { AgentLife } from './leases.ts'
import type { MassLoss, Place } from './placement.ts'

/**
 * What a restart must not forget: who the agents are and how they were (`life` and `facts` are JSON), and where each connector was, with what
 * it cost. All of that is written a moment after it happened: what a crash forgets of it is worked out again. Which tasks an agent was
 * given (`left_at`: when they were taken from it; null while it has them) is written before it is told.
 */
export const distributionSchema: SchemaPart = {
  name: 'distribution',
  steps: [
    `CREATE TABLE distribution_agent (
       id TEXT PRIMARY KEY,
       name TEXT NOT NULL,
       local INTEGER NOT NULL,
       life TEXT NOT NULL,
       facts TEXT NOT NULL
     ) STRICT;
     CREATE TABLE distribution_place (connector TEXT PRIMARY KEY, place TEXT NOT NULL, cost REAL NOT NULL) STRICT;
     CREATE TABLE distribution_mass_loss (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), loss TEXT NOT NULL) STRICT;`,
    `CREATE TABLE distribution_grant (
       agent TEXT NOT NULL,
       task TEXT NOT NULL,
       left_at INTEGER,
       PRIMARY KEY (agent, task)
     ) STRICT, WITHOUT ROWID;`,
  ],
}

/** What an agent says of itself. */
export interface AgentFacts {
  /** Ids of the monitors that its version has. */
  readonly monitors: readonly string[]
  /** Programs on its machine that monitors may need. Absent: it does not say, and is believed to have them. */
  readonly programs?: readonly string[]
  readonly machine: AgentMachine
  /** Its version can try whether it reaches a target. One that cannot is believed to. */
  readonly provesReach: boolean
}

export interface StoredAgent {
  readonly id: string
  readonly name: string
  readonly local: boolean
  readonly life: AgentLife
  readonly facts: AgentFacts
}

export interface StoredPlace {
  readonly connector: string
  readonly place: Place
  readonly cost: number
}

export async function loadDistribution(database: Database): Promise<{
  readonly agents: readonly StoredAgent[]
  readonly places: readonly StoredPlace[]
  readonly massLoss: MassLoss | undefined
}> {
  // The JSON was written by the statements below.
  const agents = await database.read<{ id: string; name: string; local: number; life: string; facts: string }>(
    'SELECT id, name, local, life, facts FROM distribution_agent',
  )
  const places = await database.read<{ connector: string; place: string; cost: number }>(
    'SELECT connector, place, cost FROM distribution_place',
  )
  const losses = await database.read<{ loss: string }>('SELECT loss FROM distribution_mass_loss')
  return {
    agents: agents.map(({ id, name, local, life, facts }) => ({
      id,
      name,
      local: local === 1,
      life: JSON.parse(life) as AgentLife,
      facts: JSON.parse(facts) as AgentFacts,
    })),
    places: places.map(({ connector, place, cost }) => ({ connector, place: JSON.parse(place) as Place, cost })),
    massLoss: losses[0] === undefined ? undefined : (JSON.parse(losses[0].loss) as MassLoss),
  }
}

export function saveAgent({ id, name, local, life, facts }: StoredAgent): Statement {
  return {
    sql: `INSERT INTO distribution_agent (id, name, local, life, facts) VALUES ($id, $name, $local, $life, $facts)
          ON CONFLICT (id) DO UPDATE SET name = excluded.name, local = excluded.local, life = excluded.life, facts = excluded.facts`,
    params: { id, name, local: local ? 1 : 0, life: JSON.stringify(life), facts: JSON.stringify(facts) },
  }
}

export function forgetAgent(id: string): Statement {
  return { sql: 'DELETE FROM distribution_agent WHERE id = $id', params: { id } }
}

export function savePlace({ connector, place, cost }: StoredPlace): Statement {
  return {
    sql: `INSERT INTO distribution_place (connector, place, cost) VALUES ($connector, $place, $cost)
          ON CONFLICT (connector) DO UPDATE SET place = excluded.place, cost = excluded.cost`,
    params: { connector, place: JSON.stringify(place), cost },
  }
}

export function forgetPlace(connector: string): Statement {
  return { sql: 'DELETE FROM distribution_place WHERE connector = $connector', params: { connector } }
}

export function saveMassLoss(loss: MassLoss | undefined): Statement {
  if (loss === undefined) return { sql: 'DELETE FROM distribution_mass_loss' }
  return {
    sql: `INSERT INTO distribution_mass_loss (only_row, loss) VALUES (1, $loss)
          ON CONFLICT (only_row) DO UPDATE SET loss = excluded.loss`,
    params: { loss: JSON.stringify(loss) },
  }
}
