// Compresses with klauspost/compress and klauspost/pgzip:
//
//	klauspost gzip LEVEL < content > blob
//	klauspost pgzip LEVEL BLOCK < content > blob
//	klauspost zstd fastest|default|better|best < content > blob
package main

import (
	"bufio"
	"errors"
	"io"
	"log"
	"os"
	"runtime"
	"strconv"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/klauspost/pgzip"
)

func main() {
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	w, err := writer(out, os.Args[1], os.Args[2], os.Args[3:])
	if err != nil {
		log.Fatal(err)
	}
	if _, err := io.Copy(w, os.Stdin); err != nil {
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	if err := out.Flush(); err != nil {
		log.Fatal(err)
	}
}

func writer(out io.Writer, program, level string, more []string) (io.WriteCloser, error) {
	if program == "zstd" {
		ok, speed := zstd.EncoderLevelFromString(level)
		if !ok {
			return nil, errors.New("no such level")
		}
		return zstd.NewWriter(out, zstd.WithEncoderLevel(speed))
	}
	number, err := strconv.Atoi(level)
	if err != nil {
		return nil, err
	}
	if program == "gzip" {
		return gzip.NewWriterLevel(out, number)
	}
	block, err := strconv.Atoi(more[0])
	if err != nil {
		return nil, err
	}
	w, err := pgzip.NewWriterLevel(out, number)
	if err != nil {
		return nil, err
	}
	return w, w.SetConcurrency(block, runtime.GOMAXPROCS(0))
}
