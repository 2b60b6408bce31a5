# frozen_string_literal: true

# Bring Gemfile.lock up to date with the Gemfile and list what it pins.
#
#   ruby resolve.rb CACHE

require "bundler"
require "json"
require_relative "asked"
require_relative "bundle"

IMAGES = %w[linux/amd64 linux/arm64].freeze
# Groups of a Gemfile that no image has.
ASIDE = %i[development test].freeze
CHECKSUM = /^  (\S+) \(([^)]+)\)(?: (.+))?$/

without_the_brought
local = Gem::Platform.local
here = "#{local.os}/#{{ "x86_64" => "amd64" }.fetch(local.cpu, "arm64")}"
platforms = [*IMAGES, here].uniq
bundle(["lock", "--add-checksums", "--add-platform", *platforms.map { |one| platform_of(one) }], ARGV[0])

text = File.read("Gemfile.lock")
sums = text[/^CHECKSUMS\n(.*?)(?:\n\n|\z)/m, 1].to_s.lines.filter_map { |line| CHECKSUM.match(line)&.captures }
sums = sums.to_h { |name, version, sum| [[name, version], sum] }
locked = Bundler::LockfileParser.new(text).specs.group_by(&:name)

# What the image needs: the gems outside those groups, and what they need in turn.
wanted = Bundler::Dsl.evaluate("Gemfile", "Gemfile.lock", {}).dependencies.reject { |one| (one.groups - ASIDE).empty? }.map(&:name)
needed = []
while (name = wanted.shift)
  next if needed.include?(name) || !locked.key?(name)

  needed << name
  wanted.concat(locked[name].flat_map(&:dependencies).map(&:name))
end

pins = needed.flat_map { |one| locked[one] }.group_by { |spec| [spec.name, spec.version.to_s] }.map do |(gem, version), specs|
  hashes = specs.map do |spec|
    sum = sums[[gem, spec.platform == "ruby" ? version : "#{version}-#{spec.platform}"]]
    abort("#{gem} comes from a folder, a repository or a server without checksums: publish it to a gem server") if sum.nil?
    sum.sub("=", ":")
  end
  fits = platforms.select { |one| specs.any? { |spec| spec.platform == "ruby" || spec.platform === Gem::Platform.new(platform_of(one)) } }
  { name: gem, version: version, hashes: hashes, **(fits == platforms ? {} : { platforms: fits }) }
end
File.write("pins.json", JSON.generate(pins))
