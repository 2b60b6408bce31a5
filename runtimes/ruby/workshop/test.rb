# frozen_string_literal: true

# Run the author's own tests: every file in tests/ that is called test_… or …_test, in one process; and those beside
# code that was written for Algorithmia.
#
#   ruby test.rb PACKAGES REPORT

require_relative "../packages"
packages, REPORT = ARGV.shift(2)
AlgoRunner::Packages.use(packages)
require "minitest/autorun"

# Writes down how each test of Minitest ended, as JUnit XML.
class Report < Minitest::StatisticsReporter
  def start
    super
    @cases = []
  end

  def record(result)
    super
    label = "classname=#{result.klass.encode(xml: :attr)} name=#{result.name.encode(xml: :attr)} time=\"#{result.time}\""
    @cases << "<testcase #{label}>#{fault(result)}</testcase>"
  end

  def report
    super
    File.write(REPORT, "<testsuite>\n#{@cases.join("\n")}\n</testsuite>\n")
  end

  private

  def fault(result)
    kind = { "S" => "skipped", "F" => "failure", "E" => "error" }[result.result_code]
    return "" if kind.nil?

    "<#{kind} message=#{result.failure.message.scrub.encode(xml: :attr)}>#{result.to_s.scrub.encode(xml: :text)}</#{kind}>"
  end
end

# The name by which Minitest finds it.
module Minitest
  def self.plugin_algo_init(_options) = reporter << Report.new
end
Minitest.extensions << "algo"

$LOAD_PATH.unshift(File.expand_path("src"), File.expand_path("lib"))
$LOAD_PATH.unshift(File.expand_path("../compat", __dir__)) if Dir.glob("src/*_test.rb").any?
Dir.glob("{tests/**/{test_*,*_test},src/*_test}.rb").sort.each { |file| require File.expand_path(file) }
