//go:build tools

package main

import _ "github.com/projectcontour/contour/cmd/contour"
