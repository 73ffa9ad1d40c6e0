import { expect, test } from 'vitest'
import { closeDraft, credentialTypesOf, openDraft, type Library } from './object-draft.ts'

const library: Library = {
  connectors: [
    {
      id: 'http',
      title: 'HTTP',
      summary: '',
      settings: {},
      params: { url: { kind: 'url', label: 'URL', protocols: ['http'] }, port: { kind: 'number', label: 'Port' } },
      credentials: [
        {
          type: 'basic',
          title: 'User name and password',
          fields: { username: { kind: 'text', label: 'User' }, secret: { kind: 'secret', label: 'Password' } },
        },
      ],
      credentialRequired: false,
      canBeDiscovered: false,
      defaultProfile: null,
    },
  ],
  monitors: [],
}

test('objects come back from their forms as they were, secrets kept', () => {
  const objects = [
    ['group', { description: 'd', whenCutOff: 'available' }],
    ['system', { type: 'web', tags: { env: 'prod' } }],
    [
      'connector',
      { type: 'http', settings: { url: 'http://h', port: 80 }, credential: 'c', profiles: ['p'], pin: 'a' },
    ],
    ['credential', { type: 'basic', username: 'u', secret: { keep: true } }],
    ['monitor', { monitor: 'gone', period: '1s', settings: { a: 1 }, rules: [{ metric: 'm', alarm: false }] }],
  ] as const
  expect(objects.map(([kind, object]) => closeDraft(kind, openDraft(kind, object, library), library))).toEqual(
    objects.map(([, object]) => object),
  )
})

test('what is emptied is not written', () => {
  expect([
    closeDraft('system', { type: '', tags: [['', '']], description: '' }, library),
    closeDraft('connector', { type: 'http', settings: { url: '' }, profiles: [] }, library),
    closeDraft('monitor', { monitor: 'm', settings: {}, rules: [] }, library),
  ]).toEqual([{}, { type: 'http' }, { monitor: 'm', rules: [] }])
})

test('a kind of credential that several connectors use is there once', () => {
  const twice = [...library.connectors, ...library.connectors]
  expect(credentialTypesOf(twice).map(({ type }) => type)).toEqual(['basic'])
})
