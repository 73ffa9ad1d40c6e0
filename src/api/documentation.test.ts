import { afterEach, expect, test } from 'vitest'
import { startTestApi, type TestApi } from './testing.ts'

let api: TestApi

afterEach(() => api.stop())

test('the pages of the API are open to look at, the API that they show is not', async () => {
  api = await startTestApi()
  const paths = [
    '/api/docs',
    '/api/docs/static/swagger-ui.css',
    '/api/docs/json',
    '/api/docs/static/none.js',
    '/api/openapi.json',
  ]
  const seen = await Promise.all(
    paths.map(async (path) => {
      const { status, headers } = await api.get(path)
      return [path, status, headers['content-type'], headers['x-frame-options']]
    }),
  )
  const json = 'application/json; charset=utf-8'
  expect(seen).toEqual([
    ['/api/docs', 200, 'text/html; charset=utf-8', 'DENY'],
    ['/api/docs/static/swagger-ui.css', 200, 'text/css; charset=utf-8', 'DENY'],
    ['/api/docs/json', 401, json, 'DENY'],
    ['/api/docs/static/none.js', 404, json, 'DENY'],
    ['/api/openapi.json', 401, json, 'DENY'],
  ])
})
