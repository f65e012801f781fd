/**
 * Installs cdml and its locked packages on this agent. The other steps do so when they have to; this one does it
 * before they are needed, such as in an agent's image.
 *
 *     cdmlInstall revision: '0123456789abcdef0123456789abcdef01234567'
 */
def call(Map given = [:]) {
    return cdmlCommand('install', [:], given)
}
