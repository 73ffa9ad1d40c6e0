/** The words about adding and changing plugins. */
export const pluginFormTexts = {
  add: 'Add a plugin',
  edit: 'Edit',
  editOf: (name: string) => `Edit ${name}`,
  remove: 'Remove',
  removeOf: (name: string) => `Remove ${name}`,
  type: 'Kind',
  name: 'Name',
  sends: 'Sends',
  feeds: { alarms: 'Alarms', metrics: 'Metrics', reports: 'Reports' },
  failed: 'The plugin was not saved',
  once: 'A delivery that is repeated is recognized by its receiver, and counts once.',
  atLeastOnce: 'A delivery may arrive twice where its receipt was lost on the way.',
} as const
