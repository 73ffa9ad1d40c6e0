import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort, listening, run, scratch } from './processes.ts'

export interface Jolokia {
  readonly url: string
  stop(): Promise<void>
}

const jars = ['bsh', 'jolokia-core', 'json-simple'].map((name) => `/usr/share/java/${name}.jar`)

/**
 * A real Java process that answers by Jolokia's own core. Debian packages that without the small server around it, so that the JDK's
 * is put in front of it here; in BeanShell, which needs no compiler. It knows `anna` with the password `geheim`.
 */
export async function startJolokia(): Promise<Jolokia> {
  const directory = await scratch('jolokia')
  const port = await freePort()
  const program = join(directory.path, 'server.bsh')
  await writeFile(program, script(port))
  const server = run('java', [
    '-Xmx64m',
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1',
    '-Xshare:auto',
    '-cp',
    jars.join(':'),
    'bsh.Interpreter',
    program,
  ])
  const stop = async () => {
    await server.stop('SIGKILL')
    await directory.remove()
  }
  try {
    await listening(port, server)
  } catch (error) {
    await stop()
    throw error
  }
  return { url: `http://127.0.0.1:${port}/jolokia`, stop }
}

const script = (port: number) => `
import com.sun.net.httpserver.*;
import org.jolokia.backend.BackendManager;
import org.jolokia.config.*;
import org.jolokia.http.HttpRequestHandler;
import org.jolokia.util.LogHandler;

log = new LogHandler() { debug(String m) {} info(String m) {} error(String m, Throwable t) {} };
config = new Configuration(new Object[] { ConfigKey.AGENT_ID, "farwatch" });
handler = new HttpRequestHandler(config, new BackendManager(config, log), log);
handle(HttpExchange exchange) {
  try {
    if (!"Basic YW5uYTpnZWhlaW0=".equals(exchange.getRequestHeaders().getFirst("Authorization"))) {
      exchange.sendResponseHeaders(401, -1);
      return;
    }
    uri = exchange.getRequestURI();
    answer = "POST".equals(exchange.getRequestMethod())
      ? handler.handlePostRequest(uri.toString(), exchange.getRequestBody(), "utf-8", new java.util.HashMap())
      : handler.handleGetRequest(uri.toString(), uri.getPath().substring("/jolokia/".length()), new java.util.HashMap());
    bytes = answer.toString().getBytes("UTF-8");
    exchange.getResponseHeaders().set("Content-Type", "application/json");
    exchange.sendResponseHeaders(200, bytes.length);
    exchange.getResponseBody().write(bytes);
  } catch (Throwable t) {
    exchange.sendResponseHeaders(500, -1);
  } finally {
    exchange.close();
  }
}
server = HttpServer.create(new java.net.InetSocketAddress("127.0.0.1", ${port}), 0);
server.createContext("/jolokia/", (HttpHandler) this);
server.start();
`
