const count = (n: number, one: string, many: string): string => `${n.toLocaleString('en')} ${n === 1 ? one : many}`

/** The words of the first steps of a new instance. */
export const firstStepTexts = {
  title: 'First steps',
  intro:
    'Farwatch runs. Take these in any order, leave them out, or come back later: they are in the menu of your account.',
  progress: (done: number, all: number) => `${done} of ${all} done`,
  skip: 'Skip: to the overview',
  toOverview: 'To the overview',
  done: 'Done',
  open: 'Open',
  watched: 'Watched already',
  watchedHint: 'Without any configuration: this machine, and Farwatch itself.',
  nothingWatched: 'Nothing is watched.',
  tasks: (n: number) => count(n, 'task', 'tasks'),
  administrator: { title: 'Administrator', text: (name: string) => `You are signed in as ${name}.` },
  certificate: {
    title: 'Certificate',
    text: 'The first one is good on this machine only: browsers and agents elsewhere refuse it. Make one for the names of this machine, or import your own.',
    act: 'Certificates',
  },
  target: {
    title: 'Add a target',
    text: 'A web address, a port, a database: a group, a system in it, and a way in to it with a profile of monitors.',
    act: 'Configuration',
  },
  plugin: {
    title: 'Have alarms sent',
    text: 'By e-mail, or to anything that takes a webhook. Without it alarms are shown here alone.',
    act: 'Plugins',
  },
  agent: {
    title: 'Add an agent',
    text: 'Where this server cannot reach: an agent there opens the connection from its side, and takes work of the groups it is given.',
    act: 'Agents',
  },
  pair: {
    title: 'Make a pair',
    text: 'A second server takes over when this one is lost, with everything it held.',
    act: 'Failover',
  },
} as const

export const aboutTexts = {
  tab: 'About',
  what: 'Open monitoring, agentless towards what it watches.',
  licence: 'Licence',
  farwatch: 'Apache License 2.0',
  version: 'Version',
  uuid: 'UUID',
  started: 'Started',
  reference: 'Reference',
  madeOf: 'Made of',
  madeOfHint: (n: number) =>
    `${count(n, 'package', 'packages')} of others come along, under the licences of their own.`,
  packages: (n: number) => count(n, 'package', 'packages'),
} as const
