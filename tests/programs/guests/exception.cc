// SPDX-License-Identifier: MIT
// exception - C++: throw and catch through frames, threads, a signal handler's neighbourhood, thread-local objects, containers.
#include <csignal>
#include <cstdio>
#include <future>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

static int depth(int levels)
{
	std::string keeps(static_cast<size_t>(levels), 'x');

	if (levels == 0)
		throw std::runtime_error("from the bottom");
	return depth(levels - 1) + static_cast<int>(keeps.size());
}

struct local {
	std::vector<int> values;
	~local()
	{
		values.clear();
	}
};

static thread_local local own;

static long work(int seed)
{
	std::map<int, std::string> map;
	long caught = 0;

	for (int i = 0; i < 2000; i++) {
		try {
			map[i * seed % 997] = std::to_string(i);
			own.values.push_back(i);
			if (i % 7 == 0)
				depth(20);
			map.at(-1);
		} catch (const std::out_of_range &) {
			caught++;
		} catch (const std::exception &) {
			caught += 1000;
		}
	}
	return caught;
}

extern "C" void handler(int)
{
}

int main()
{
	std::vector<std::thread> threads;
	std::vector<std::future<long>> results;
	long sum = 0;

	std::signal(SIGALRM, handler);
	for (int i = 1; i <= 4; i++)
		results.push_back(std::async(std::launch::async, work, i));
	for (auto &result : results)
		sum += result.get();
	std::printf("caught %ld\n", sum);
	try {
		std::async(std::launch::async, [] { return depth(100); }).get();
	} catch (const std::runtime_error &error) {
		std::printf("across threads: %s\n", error.what());
	}
	return 0;
}
