// Holds the namespaces of a pod, as its first process.
package main

import "time"

func main() {
	for {
		time.Sleep(time.Hour)
	}
}
