// Runs a Jenkinsfile with the engine that Jenkins runs pipelines with. Every step suspends the program,
// which is serialised to a file, read back and resumed, as a controller does that may restart at any time.
//
//   groovy Controller.groovy SETUP   a file of JSON; see tests/support/jenkins.py for its keys
import com.cloudbees.groovy.cps.*
import com.cloudbees.groovy.cps.impl.*
import groovy.json.*
import java.lang.annotation.*
import org.codehaus.groovy.control.CompilerConfiguration
import org.codehaus.groovy.control.customizers.*

@Retention(RetentionPolicy.SOURCE)
@interface Library { String[] value() }

/** A step that the suspended program waits for. */
class Step implements Serializable {
    String name
    List arguments

    /** The arguments as they are shown: without bodies. */
    List shown() { arguments.findAll { !(it instanceof Closure) } }
}

/** What `error` and a script that fails throw. */
class AbortException extends IOException {
    AbortException(String message) { super(message) }
}

/** What a build is to its program: never serialised with it. */
class Build {
    static Map library = [:]
    static Map params = [:]
    static Map state = [result: null, environment: null, outer: [], steps: 0]

    static void worsen(String result) {
        def order = [null, 'SUCCESS', 'UNSTABLE', 'FAILURE']
        if (order.indexOf(result) > order.indexOf(state.result)) { state.result = result }
    }
}

class CurrentBuild implements Serializable {
    String getResult() { Build.state.result }
    void setResult(String value) { Build.worsen(value) }
    String getCurrentResult() { Build.state.result ?: 'SUCCESS' }
}

class Env implements Serializable {
    def getProperty(String name) { Build.state.environment[name] }
    void setProperty(String name, Object value) { Build.state.environment[name] = value.toString() }
}

abstract class PipelineScript extends SerializableScript {
    def invokeMethod(String name, Object given) {
        def arguments = given instanceof Object[] ? (given as List) : [given]
        def step = Build.library[name]
        if (step != null) { return step.getMetaClass().invokeMethod(step, 'call', arguments as Object[]) }
        return Continuable.suspend(new Step(name: name, arguments: arguments))
    }

    def getProperty(String name) {
        switch (name) {
            case 'currentBuild': return new CurrentBuild()
            case 'env': return new Env()
            case 'params': return new HashMap(Build.params)
            case 'scm': return 'scm'
        }
        return Build.library[name] ?: super.getProperty(name)
    }
}

// Java's own iterators cannot be serialised; Jenkins replaces them in the same way.
class Listed implements Iterator, Serializable {
    List items
    int next = 0
    boolean hasNext() { next < items.size() }
    Object next() { items[next++] }
    void remove() { throw new UnsupportedOperationException() }
}

class Pair implements Map.Entry, Serializable {
    Object key
    Object value
    Object setValue(Object other) { value = other } // the constructor calls it
}

class Iterating {
    static Iterator iterator(List all) { new Listed(items: new ArrayList(all)) }
    static Iterator iterator(Set all) { new Listed(items: new ArrayList(all)) }
    static Iterator iterator(Map all) { new Listed(items: entrySet(all) as List) }
    static Collection entrySet(Map all) {
        def pairs = new ArrayList()
        for (key in new ArrayList(all.keySet())) { pairs << new Pair(key: key, value: all.get(key)) }
        return pairs
    }
}

class Runner {
    static final List CATEGORIES =
        [CpsDefaultGroovyMethods, CpsDefaultGroovyStaticMethods, CpsStringGroovyMethods, Iterating]
    // A step with a body cannot run outside of the program: it is a part of the program that says when
    // it begins and ends.
    static final String WITH_BODY = '''
        def call(Object... given) {
            def body = given[given.length - 1]
            begin(NAME, given.length > 1 ? given[0] : null)
            try { return body() } finally { end(NAME) }
        }
    '''
    Map setup
    GroovyShell shell
    File saved
    Writer log

    Runner(Map setup) {
        this.setup = setup
        saved = new File(setup.state)
        log = new FileWriter(setup.log, true)
        Build.params = setup.params
        Build.state.environment = new LinkedHashMap(setup.environment)
        def configuration = new CompilerConfiguration()
        configuration.scriptBaseClass = PipelineScript.name
        configuration.addCompilationCustomizers(new CpsTransformer())
        configuration.addCompilationCustomizers(
            new ImportCustomizer().addImports('com.cloudbees.groovy.cps.NonCPS'))
        shell = new GroovyShell(Runner.classLoader, new Binding(), configuration)
        for (name in ['node', 'stage', 'withEnv', 'withCredentials'] + setup.plugins.findAll { it == 'lock' }) {
            Build.library[name] = shell.parse(WITH_BODY.replace('NAME', "'$name'"), "Step_${name}.groovy")
        }
        new File(setup.library).eachFileMatch(~/\w+\.groovy/) {
            Build.library[it.name - '.groovy'] = shell.parse(it.getText('UTF-8'), it.name)
        }
    }

    void run() {
        def program, waiting
        def source = shell.parse(setup.pipeline, 'WorkflowScript.groovy') // classes that a saved program is of
        if (saved.exists()) {
            def stream = new ObjectInputStreamWithLoader(new FileInputStream(saved), shell.classLoader)
            def kept = stream.withCloseable { it.readObject() }
            program = kept[0]
            waiting = kept[1]
            Build.state = kept[2]
        } else {
            program = new Continuable(source)
        }
        Outcome outcome = new Outcome(null, null)
        while (true) {
            if (waiting == null) {
                def result = program.run0(outcome, CATEGORIES)
                if (!program.isResumable()) { result.replay(); return }
                waiting = result.replay() as Step
                new ObjectOutputStream(new FileOutputStream(saved)).withCloseable {
                    it.writeObject([program, waiting, Build.state])
                }
                if (setup.killedBefore == waiting.name) { Runtime.runtime.halt(137) }
                def stream = new ObjectInputStreamWithLoader(new FileInputStream(saved), shell.classLoader)
                program = stream.withCloseable { it.readObject() }[0]
            }
            try { outcome = new Outcome(carryOut(waiting), null) } catch (Throwable error) { outcome = new Outcome(null, error) }
            waiting = null
        }
    }

    Object carryOut(Step step) {
        Build.state.steps++
        def first = step.arguments ? step.arguments[0] : null
        if (!(step.name in ['string', 'usernamePassword', 'gitUsernamePassword'])) {
            log << JsonOutput.toJson([step: step.name, given: step.shown()]) + '\n'
            log.flush()
        }
        switch (step.name) {
            case 'begin':
                Build.state.outer.push(new LinkedHashMap(Build.state.environment))
                if (first == 'withEnv') {
                    step.arguments[1].each { def (name, value) = it.toString().split('=', 2); Build.state.environment[name] = value }
                } else if (first == 'withCredentials') {
                    step.arguments[1].each { Build.state.environment.putAll(bound(it)) }
                }
                return null
            case 'end': Build.state.environment = Build.state.outer.pop(); return null
            case 'string': return [kind: 'string'] + first
            case 'usernamePassword': return [kind: 'usernamePassword'] + first
            case 'gitUsernamePassword': return [kind: 'gitUsernamePassword'] + first
            case 'parameters': case 'pipelineTriggers': case 'cron': case 'choice': case 'text': return step.shown()
            case 'properties': case 'archiveArtifacts': return null
            case 'checkout': return new HashMap(setup.checkout)
            case 'junit': case 'publishHTML':
                if (step.name in setup.plugins) { return null }
                break
            case 'echo': println first; return null
            case 'unstable': println "WARNING: $first"; Build.worsen('UNSTABLE'); return null
            case 'error': throw new AbortException(first.toString())
            case 'sh': return shellOut(first instanceof Map ? first : [script: first])
        }
        throw new NoSuchMethodError("No such DSL method '$step.name' found among steps [archiveArtifacts, …]")
    }

    /** What a binding of a credential sets. */
    Map bound(Map binding) {
        def secret = setup.credentials[binding.credentialsId]
        if (secret == null) { throw new AbortException("Could not find credentials entry with ID '$binding.credentialsId'") }
        if (binding.kind == 'string') { return [(binding.variable): secret] }
        def (user, password) = secret.split(':', 2)
        if (binding.kind == 'usernamePassword') {
            return [(binding.usernameVariable): user, (binding.passwordVariable): password]
        }
        def script = File.createTempFile('askpass', '.sh')
        script.text = '#!/bin/sh\ncase "$1" in Username*) echo "$GIT_USERNAME" ;; *) echo "$GIT_PASSWORD" ;; esac\n'
        script.executable = true
        return [GIT_ASKPASS: script.path, GIT_USERNAME: user, GIT_PASSWORD: password, GIT_TERMINAL_PROMPT: 'false']
    }

    Object shellOut(Map given) {
        def script = File.createTempFile('script', '.sh')
        script.setText(given.script.toString(), 'UTF-8')
        script.executable = true
        def words = given.script.toString().startsWith('#!') ? [script.path] : ['sh', '-xe', script.path]
        def builder = new ProcessBuilder(words).directory(new File(setup.workspace)).redirectErrorStream(!given.returnStdout)
        builder.environment().clear()
        builder.environment().putAll(Build.state.environment.collectEntries { name, value -> [name, value.toString()] })
        def process = builder.start()
        process.outputStream.close()
        if (given.returnStdout) { process.consumeProcessErrorStream(System.err) }
        def text = process.inputStream.getText('UTF-8')
        int code = process.waitFor()
        script.delete()
        if (!given.returnStdout) { print text }
        if (given.returnStatus) { return code }
        if (code != 0) { throw new AbortException("script returned exit code $code") }
        return given.returnStdout ? text : null
    }
}

def setup = new JsonSlurper().parse(new File(args[0]), 'UTF-8')
def why = ''
try {
    new Runner(setup).run()
} catch (Throwable error) {
    Build.worsen('FAILURE')
    why = (error instanceof AbortException ? '' : "${error.class.name}: ") + error.message
    println "ERROR: $why"
}
new File(setup.outcome).setText(
    JsonOutput.toJson([result: Build.state.result ?: 'SUCCESS', error: why, steps: Build.state.steps]), 'UTF-8')
