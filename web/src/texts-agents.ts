const count = (n: number, one: string, many: string): string => `${n.toLocaleString('en')} ${n === 1 ? one : many}`
const list = (names: readonly string[]): string => names.join(', ')

/** The words about agents, associations, and the page of an instance that is an agent only. */
export const agentTexts = {
  title: 'Agents',
  tabs: { agents: 'Agents', associations: 'Associations' },
  filter: 'Filter by name, group, address or version',
  local: 'this server’s own',
  add: 'Add an agent',
  shown: (n: number) => count(n, 'agent', 'agents'),
  nothingFound: 'No agent matches the filter',

  state: {
    ONLINE: 'Online',
    OFFLINE: 'Offline',
    DRAINING: 'Draining',
    OFF: 'Off',
    PENDING: 'Pending',
    REJECTED: 'Rejected',
    drained: 'Drained',
    isolated: 'Isolated',
  },
  stateHint: {
    ONLINE: 'It calls this server and runs what it is given.',
    OFFLINE:
      'It has not called for longer than the offline timeout; its work runs elsewhere where another agent may run it.',
    DRAINING: 'Its work is being moved to other agents.',
    OFF: 'Switched off: it is given no work.',
    PENDING: 'It waits to be accepted, and is given nothing until then.',
    REJECTED: 'It is refused until the rejection is lifted.',
    drained: 'It runs nothing any more, and nothing was missed. It gets work again when the drain is taken back.',
    isolated: 'It reaches this server, and none of its targets: its own network may be cut.',
  },

  columns: {
    state: 'State',
    agent: 'Agent',
    groups: 'Groups',
    load: 'Load',
    machine: 'Machine',
    spool: 'Spool',
    clock: 'Clock',
    poll: 'Last call',
    acts: 'Actions',
  },
  loadHint: 'What its monitors take, by what this machine can',
  connectors: (n: number) => count(n, 'connector', 'connectors'),
  cpu: 'CPU',
  memory: 'Memory',
  diskFree: 'Disk free',
  spoolEmpty: 'empty',
  spoolLine: (entries: number, size: string) => `${count(entries, 'entry', 'entries')}, ${size}`,
  spoolOldest: 'oldest',
  clockExact: 'exact',
  clockAhead: (span: string) => `${span} ahead`,
  clockBehind: (span: string) => `${span} behind`,
  clockHint: 'Its clock against this server’s. It is corrected for: a wrong clock shifts no run.',
  noGroups: 'no group',
  lacks: (n: number) => `lacks ${count(n, 'monitor', 'monitors')}`,

  pending: {
    title: 'Waiting to be accepted',
    hint: 'Compare the fingerprint with the one the agent itself shows: in its log, with “farwatch status” there, or on its own page. Only if they are equal is it the machine you mean.',
    announced: 'Announced name',
    address: 'From address',
    firstSeen: 'First seen',
    lastSeen: 'Last asked',
    name: 'Name',
    nameHint: 'How associations call it',
    fingerprint: 'Key fingerprint (SHA-256)',
    accept: 'Accept',
    reject: 'Reject',
    accepted: (name: string) => `${name} accepted`,
    rejected: (name: string) => `${name} rejected`,
  },
  rejected: {
    title: 'Rejected',
    lift: 'Lift the rejection',
    by: (who: string) => `by ${who}`,
    lifted: (name: string) => `${name} may ask again`,
    hint: 'It waits for acceptance again with its next call.',
  },

  acts: {
    of: (name: string) => `Actions for ${name}`,
    rename: 'Rename',
    activate: 'Switch on',
    deactivate: 'Switch off',
    drain: 'Drain',
    watchDrain: 'Show the drain',
    undrain: 'Take back the drain',
    rekey: 'Renew its key',
    remove: 'Remove',
    logs: 'Download its log',
  },
  done: {
    rename: 'Renamed',
    activate: 'Switched on',
    deactivate: 'Switched off',
    undrain: 'The drain was taken back',
    rekey: 'A new key was asked for; it is in force with the agent’s next call',
    remove: 'Removed',
  },
  rename: {
    title: (name: string) => `Rename ${name}`,
    name: 'New name',
    hint: (groups: readonly string[]) =>
      groups.length === 0
        ? 'Associations and pins go by the name.'
        : `Associations and pins follow the new name: ${list(groups)}.`,
  },
  deactivate: {
    title: (name: string) => `Switch off ${name}?`,
    text: (groups: readonly string[]) =>
      groups.length === 0
        ? 'It is given no work until it is switched on again.'
        : `It is given no work until it is switched on again. Its work goes to other agents of ${list(groups)}; what no other agent may run is not monitored meanwhile.`,
  },
  drain: {
    title: (name: string) => `Drain ${name}`,
    text: 'Its work moves to other agents without a run missed. It gets no new work until the drain is taken back.',
    start: 'Drain',
    left: (n: number) => `${count(n, 'connector', 'connectors')} still here`,
    lastResults: 'Nothing is left to run; its last results are being delivered.',
    andMore: (n: number) => `and ${n.toLocaleString('en')} more`,
    drained: 'Drained: it runs nothing any more, and nothing was missed.',
    undone: 'It is not drained',
    stuck: 'What could move has moved; something stays',
    goesOn: 'It goes on when this is closed.',
  },
  rekey: {
    title: (name: string) => `Renew the key of ${name}?`,
    text: 'The agent makes itself a new key and proves it with the old one. It need not be accepted again; its fingerprint changes.',
  },
  remove: {
    title: (name: string) => `Remove ${name}?`,
    revoked:
      'Its key is revoked with its next call: it is given nothing any more, and forgets the credentials it held.',
    groups: (groups: readonly string[]) =>
      groups.length === 0
        ? 'It runs no group.'
        : `It runs ${list(groups)}. What no other agent may run there is not monitored any more.`,
    again: 'To come back it has to be accepted anew.',
    spool: (n: number) =>
      `${count(n, 'result', 'results')} in its spool that this server does not have ${n === 1 ? 'is' : 'are'} lost.`,
  },

  empty: {
    title: 'No remote agent yet',
    hint: 'An agent runs the monitors where the systems are, and calls this server; no connection goes the other way. Three commands add one:',
  },
  adding: {
    title: 'Add an agent',
    intro:
      'Farwatch is installed on the agent’s machine as it is here. Only the agent opens connections: nothing has to be opened towards it.',
    url: 'Address of this server, as the agent reaches it',
    loopback:
      'This address is good on this machine only. Put in the name or address by which the agent reaches this server.',
    name: 'Name of the agent',
    nameHint: 'The machine’s own name, where left empty',
    trust: '1. On the agent’s machine: trust this server’s certificate, comparing its fingerprint',
    start: '2. On the agent’s machine: start it',
    startToken: '2. On the agent’s machine: start it with the token, which accepts it',
    accept: '3. Accept it on this page, comparing the fingerprint; or here on the server:',
    check: '3. Here on the server: see that it is there',
    certificate: 'This server’s certificate (SHA-256)',
    names: (names: readonly string[]) => `This server’s certificate is valid for ${list(names)}.`,
    localOnly:
      'It is valid for this machine only, so that agents elsewhere refuse it unless they trust exactly this fingerprint. Generate one for its names first: under Instance, Certificates, or with “farwatch certificate generate”.',
    unattended: 'Without a click here',
    unattendedHint:
      'An enrolment token accepts the agent by itself. It works for as many agents, and as long, as you say; it is shown once.',
    make: 'Make an enrolment token',
    uses: 'Agents',
    expiresIn: 'Valid for',
    note: 'Note',
    noteHint: 'What it is for',
    lifetimes: { '15m': '15 minutes', '1h': '1 hour', '24h': '1 day', '168h': '7 days' },
    made: 'The token is in the command below. It is not shown again.',
    token: 'Enrolment token',
    open: 'Open enrolment tokens',
    noneOpen: 'No enrolment token is open.',
    usesLeft: (n: number) => `${count(n, 'use', 'uses')} left`,
    expires: 'Expires',
    by: (who: string) => `by ${who}`,
    remove: 'Remove',
    removed: 'The token is not valid any more',
  },

  page: {
    back: 'Agents',
    facts: 'About',
    machine: 'Machine',
    work: 'Work',
    hostname: 'Host',
    uuid: 'UUID',
    fingerprint: 'Key fingerprint (SHA-256)',
    version: 'Version',
    protocol: 'Protocol',
    address: 'Address',
    since: 'In this state since',
    firstSeen: 'First seen',
    decided: 'Accepted or rejected',
    platform: 'Platform',
    capacity: 'Capacity',
    capacityValue: (span: string) => `${span} of runs in a second`,
    sendTime: 'Time to send',
    roundTrip: 'Round trip',
    tasks: 'Tasks',
    running: 'Running now',
    waiting: 'Waiting to run',
    of: (part: string, whole: string) => `${part} of ${whole}`,
    runs: 'What it runs, and why here',
    runsNothing: 'It runs nothing now.',
    here: 'since',
    comesFrom: (agent: string) => `comes from ${agent}`,
    lacks: 'What it lacks',
    lacksHint:
      'Monitors that this server has and the agent’s version has not. Connectors that need them are not given to it.',
    lacksNothing: 'nothing',
    problems: 'Problems',
    statistics: 'Statistics',
    noStatistics: 'No statistics of this agent yet.',
    statisticsHint: 'The last 24 hours',
    counts: {
      runs: 'Runs',
      failed: 'Failed',
      late: 'Late',
      skipped: 'Skipped',
      timeouts: 'Timed out',
      p50Ms: 'Duration, median',
      p95Ms: 'Duration, 95 %',
      maxMs: 'Duration, longest',
      latenessP95Ms: 'Began late by, 95 %',
      killed: 'Processes ended by force',
    },
  },

  associations: {
    hint: 'Which agents run which group. An agent runs a group only where both meet; several share the work, and take over from each other.',
    filterGroups: 'Filter groups',
    filterAgents: 'Filter agents',
    unknown: 'Unknown',
    unknownHint: 'No accepted agent is called so: it was renamed or removed, or is not accepted yet.',
    cut: (shown: number, all: number, what: 'groups' | 'agents') =>
      `${shown.toLocaleString('en')} of ${all.toLocaleString('en')} ${what} are shown: filter to see others.`,
    group: 'Group',
    local: 'local',
    rule: {
      'runs everything':
        'No group is associated with any agent, so this server’s own agent (local) runs everything. Once any group is associated, groups without agents are not monitored.',
      'runs its groups':
        'This server’s own agent (local) is associated with groups, so a group without agents is not monitored.',
      'runs nothing':
        'Groups are associated with agents, so this server’s own agent (local) runs only what it is associated with: nothing. A group without agents is not monitored.',
    },
    runs: (agent: string, group: string) => `${agent} runs ${group}`,
    uncovered: 'nobody',
    edits: (n: number) => `${count(n, 'change', 'changes')} not saved`,
    discard: 'Discard',
    ask: 'What would this change?',
    stale: 'The associations were edited after this answer.',
    becomesUncovered: 'Would not be monitored any more',
    becomesCovered: 'Would be monitored from then on',
    noneUncovered: 'No group loses its monitoring.',
    moves: (n: number) =>
      n === 0 ? 'No connector has to move.' : `${count(n, 'connector', 'connectors')} would move or end.`,
    weak: 'The loss of one agent would then hurt',
    weakNone: 'The loss of any one agent would leave no group without agents.',
    weakLine: (group: string, agent: string, effect: 'uncovered' | 'overloaded') =>
      effect === 'uncovered'
        ? `${group} would be monitored by nobody without ${agent}`
        : `without ${agent}, the other agents of ${group} would have too much to do`,
    parts: (n: number, of: number) => `${n.toLocaleString('en')} of ${count(of, 'connector', 'connectors')}`,
    save: 'Save associations',
    saveUncovering: (n: number) => `Save, and leave ${count(n, 'group', 'groups')} to nobody`,
    saved: 'Associations saved',
    noGroups: 'There is no group yet',
    noGroupsHint: 'Groups are made in the configuration.',
    leave: 'The associations were not saved. Leave and lose the changes?',
    comment: 'Comment for the revision (optional)',
  },

  coverage: {
    // The reason says how many of its connectors, where it is not all of them.
    uncovered: (groups: string, reason: string) => `Uncovered: ${groups} – ${reason}`,
    partly: (groups: string, reason: string) => `Monitored in part only: ${groups} – ${reason}`,
    moreGroups: (n: number) => `and ${count(n, 'more group', 'more groups')}`,
    more: (n: number) => `and ${count(n, 'more problem', 'more problems')}`,
    noReason: 'no agent runs it',
    toAssociations: 'Open associations',
  },

  placement: {
    on: 'on',
    nobody: 'on no agent',
    why: 'Why here',
    whyNobody: 'Why nobody',
    pinned: 'pinned',
    is: {
      settled: '',
      proving: 'about to move: its next agent proves that it reaches the target',
      handing: 'being handed over',
      held: 'held here',
      uncovered: 'not monitored',
    },
  },
} as const
